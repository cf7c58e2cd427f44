#!/usr/bin/env python3
"""Full-size checkpoints of the published families with random weights, timed beside PyTorch with the same weights.

    python families.py make DIR [NAME ...]     # writes DIR/NAME in the published layout and type
    python families.py time DIR [NAME ...]     # PROGRAM and PyTorch turn by turn, two threads each; prints a table

Names: dnabert-6, dnabert-2, gena-large, bigbird, nt-v2-500m, and nt-2.5b (10 GB on disk, in shards).

Peak memory is that of the whole process, beside what the weights take in the type they are computed in. PyTorch runs the
same operations with scaled_dot_product_attention, in evaluation mode, without gradients; it is given the weights as
tensors, so that its load time is not told. Both read one row of 512 tokens (BigBird: also of 4,096) by the same formula;
where 16 of their states differ by more than TOLERANCE, the run ends.
"""

import argparse
import json
import math
import resource
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy

SEED = 20_261_128

BERT = {"type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "attention_probs_dropout_prob": 0.1,
        "hidden_dropout_prob": 0.1, "initializer_range": 0.02, "use_cache": True}
GENA = {**BERT, "model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 32_000, "pad_token_id": 3,
        "max_position_embeddings": 512, "pre_layer_norm": True, "position_embedding_type": "absolute"}
ESM = {"model_type": "esm", "architectures": ["EsmForMaskedLM"], "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.0,
       "attention_probs_dropout_prob": 0.0, "emb_layer_norm_before": False, "mask_token_id": 2, "pad_token_id": 1,
       "tie_word_embeddings": False, "use_cache": False, "vocab_list": None}


def sizes(layers, hidden, heads, wide):
    return {"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": wide}


# Sizes as published; form of the files and type of the numbers too.
MODELS = {
    "dnabert-6": {**BERT, **sizes(12, 768, 12, 3072), "architectures": ["BertForMaskedLM"], "model_type": "bert",
                  "vocab_size": 4101, "max_position_embeddings": 512, "pad_token_id": 0},
    "dnabert-2": {**BERT, **sizes(12, 768, 12, 3072), "architectures": ["BertForMaskedLM"], "vocab_size": 4096,
                  "alibi_starting_size": 512, "max_position_embeddings": 512, "pad_token_id": 0},
    "gena-large": {**GENA, **sizes(24, 1024, 16, 4096), "layer_norm_eps": 1e-5},
    "bigbird": {**BERT, **sizes(12, 768, 12, 3072), "architectures": ["BigBirdForMaskedLM"], "model_type": "big_bird",
                "vocab_size": 32_000, "max_position_embeddings": 4096, "pad_token_id": 3, "hidden_act": "gelu_new",
                "attention_type": "block_sparse", "block_size": 64, "num_random_blocks": 3, "use_bias": True,
                "rescale_embeddings": False, "position_embedding_type": "absolute"},
    "nt-v2-500m": {**ESM, **sizes(29, 1024, 16, 4096), "vocab_size": 4107, "max_position_embeddings": 2050,
                   "position_embedding_type": "rotary", "token_dropout": False, "add_bias_fnn": False},
    "nt-2.5b": {**ESM, **sizes(32, 2560, 20, 10_240), "vocab_size": 4105, "max_position_embeddings": 1002,
                "position_embedding_type": "absolute", "token_dropout": True},
}
FORMS = {"dnabert-6": "bin", "dnabert-2": "bin", "gena-large": "bin", "bigbird": "bin",
         "nt-v2-500m": "safetensors", "nt-2.5b": "shards"}
TOKENS = {"bigbird": [512, 4096]}
# Of states of order 1 behind up to 32 layers, summed in other orders.
TOLERANCE = 2e-3


# Tensors

def dense(name, inputs, outputs, bias=True):
    yield f"{name}.weight", (outputs, inputs)
    if bias:
        yield f"{name}.bias", (outputs,)


def norm(name, width):
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def tensors(name):
    """Names and shapes, in the order of the file."""
    config = MODELS[name]
    h, f, v, p = (config[key] for key in ("hidden_size", "intermediate_size", "vocab_size", "max_position_embeddings"))
    esm, mosaic, pre = "esm" in config.get("model_type", ""), "alibi_starting_size" in config, "pre_layer_norm" in config
    stem = "esm" if esm else "bert"
    gated = "add_bias_fnn" in config
    yield f"{stem}.embeddings.word_embeddings.weight", (v, h)
    if not mosaic and config.get("position_embedding_type") != "rotary":
        yield f"{stem}.embeddings.position_embeddings.weight", (p, h)
    if not esm:
        yield f"{stem}.embeddings.token_type_embeddings.weight", (2, h)
        yield from norm(f"{stem}.embeddings.LayerNorm", h)
    for index in range(config["num_hidden_layers"]):
        at = f"{stem}.encoder.layer.{index}"
        if mosaic:
            yield from dense(f"{at}.attention.self.Wqkv", h, 3 * h)
        else:
            for part in ("query", "key", "value"):
                yield from dense(f"{at}.attention.self.{part}", h, h)
        yield from dense(f"{at}.attention.output.dense", h, h)
        if mosaic:
            yield from norm(f"{at}.attention.output.LayerNorm", h)
            yield from dense(f"{at}.mlp.gated_layers", h, 2 * f, bias=False)
            yield from dense(f"{at}.mlp.wo", f, h)
            yield from norm(f"{at}.mlp.layernorm", h)
            continue
        yield from dense(f"{at}.intermediate.dense", h, 2 * f if gated else f, bias=not gated)
        yield from dense(f"{at}.output.dense", f, h, bias=not gated)
        norms = ("pre_attention_ln", "post_attention_ln") if pre else ("attention.output.LayerNorm", "output.LayerNorm")
        for part in ("attention.LayerNorm", "LayerNorm") if esm else norms:
            yield from norm(f"{at}.{part}", h)
    if esm:
        yield from norm("esm.encoder.emb_layer_norm_after", h)
        yield from dense("lm_head.dense", h, h)
        yield from norm("lm_head.layer_norm", h)
        yield "lm_head.decoder.weight", (v, h)
        yield "lm_head.bias", (v,)
        return
    if pre:
        yield from norm("bert.encoder.last_layer_ln", h)
    yield from dense("cls.predictions.transform.dense", h, h)
    yield from norm("cls.predictions.transform.LayerNorm", h)
    yield "cls.predictions.decoder.bias" if mosaic else "cls.predictions.bias", (v,)


def values(name, shape, generator):
    """Random numbers as networks begin with, norms near 1, biases that show when they are left out."""
    drawn = generator.standard_normal(shape, dtype=numpy.float32)
    if ("norm" in name.lower() or "_ln." in name) and name.endswith("weight"):
        return 1 + 0.1 * drawn
    return (0.1 if name.endswith("bias") else 0.02) * drawn


def write_safetensors(path, listed, generator):
    header, end = {}, 0
    for name, shape in listed:
        start, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in listed:
            file.write(values(name, shape, generator).tobytes())


def make(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(MODELS[name], indent=1))
    listed, generator = list(tensors(name)), numpy.random.default_rng(SEED)
    if FORMS[name] == "bin":
        import torch

        torch.save({key: torch.from_numpy(values(key, shape, generator)) for key, shape in listed},
                   folder / "pytorch_model.bin")
    elif FORMS[name] == "safetensors":
        write_safetensors(folder / "model.safetensors", listed, generator)
    else:
        half = len(listed) // 2
        parts = {f"model-0000{part + 1}-of-00002.safetensors": listed[part * half : None if part else half]
                 for part in (0, 1)}
        for file, part in parts.items():
            write_safetensors(folder / file, part, generator)
        index = {key: file for file, part in parts.items() for key, _ in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


# PyTorch

def read(folder):
    import torch
    from safetensors.torch import load_file

    if (folder / "pytorch_model.bin").exists():
        return torch.load(folder / "pytorch_model.bin", weights_only=True)
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        found.update(load_file(file))
    return found


def forward(config, weights, ids):
    """The last states of a row."""
    import torch
    import torch.nn.functional as nn

    esm, mosaic = "esm" in config.get("model_type", ""), "alibi_starting_size" in config
    stem, eps, heads = "esm" if esm else "bert", config["layer_norm_eps"], config["num_attention_heads"]
    act = "tanh" if config.get("hidden_act") == "gelu_new" else "none"
    pre = "pre_layer_norm" in config

    def linear(name, x):
        return nn.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def layer_norm(name, x):
        return nn.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)

    def split(x):
        return x.view(1, -1, heads, x.shape[-1] // heads).transpose(1, 2)

    table = lambda part: weights[f"{stem}.embeddings.{part}.weight"]
    x = table("word_embeddings")[ids]
    n, width = x.shape[1], x.shape[-1] // heads
    if config.get("token_dropout"):
        x = x * (1 - 0.15 * 0.8)
    if f"{stem}.embeddings.position_embeddings.weight" in weights:
        first = config["pad_token_id"] + 1 if esm else 0
        x = x + table("position_embeddings")[first : first + n]
    if not esm:
        x = layer_norm(f"{stem}.embeddings.LayerNorm", x + table("token_type_embeddings")[0])
    mask = None
    if mosaic:
        place = torch.arange(n)
        slopes = torch.tensor(alibi(heads))
        mask = -slopes[:, None, None] * (place[None] - place[:, None]).abs()
    if config.get("position_embedding_type") == "rotary":
        speed = 10_000.0 ** (-torch.arange(0, width, 2) / width)
        angle = torch.cat([torch.arange(n)[:, None] * speed] * 2, -1)
        cos, sin = angle.cos(), angle.sin()
        turn = lambda y: y * cos + torch.cat([-y[..., width // 2 :], y[..., : width // 2]], -1) * sin
    else:
        turn = lambda y: y
    sparse = big_bird_mask(config, n) if config.get("attention_type") == "block_sparse" else None
    for index in range(config["num_hidden_layers"]):
        at = f"{stem}.encoder.layer.{index}"
        before = f"{at}.attention.LayerNorm" if esm else f"{at}.pre_attention_ln"
        a = layer_norm(before, x) if esm or pre else x
        if mosaic:
            q, k, v = map(split, linear(f"{at}.attention.self.Wqkv", a).chunk(3, -1))
        else:
            q, k, v = (split(linear(f"{at}.attention.self.{part}", a)) for part in ("query", "key", "value"))
        o = nn.scaled_dot_product_attention(turn(q), turn(k), v, attn_mask=sparse if sparse is not None else mask)
        a = linear(f"{at}.attention.output.dense", o.transpose(1, 2).reshape(1, n, -1))
        if mosaic:
            x = layer_norm(f"{at}.attention.output.LayerNorm", x + a)
            gate, up = linear(f"{at}.mlp.gated_layers", x).chunk(2, -1)
            x = layer_norm(f"{at}.mlp.layernorm", x + linear(f"{at}.mlp.wo", nn.gelu(gate) * up))
            continue
        x = x + a if esm or pre else layer_norm(f"{at}.attention.output.LayerNorm", x + a)
        f = layer_norm(f"{at}.LayerNorm" if esm else f"{at}.post_attention_ln", x) if esm or pre else x
        f = linear(f"{at}.intermediate.dense", f)
        if "add_bias_fnn" in config:
            gate, up = f.chunk(2, -1)
            f = nn.silu(gate) * up
        else:
            f = nn.gelu(f, approximate=act)
        f = linear(f"{at}.output.dense", f)
        x = x + f if esm or pre else layer_norm(f"{at}.output.LayerNorm", x + f)
    last = {True: "esm.encoder.emb_layer_norm_after", False: "bert.encoder.last_layer_ln"}[esm]
    return layer_norm(last, x) if f"{last}.weight" in weights else x


def alibi(heads):
    def of(count):
        return [2.0 ** (-8.0 * (index + 1) / count) for index in range(count)]

    power = 1 << (heads.bit_length() - 1)
    return of(power) + of(2 * power)[::2][: heads - power]


def big_bird_mask(config, n):
    """What is added to scores: how often a key counts, as a logarithm."""
    import torch

    size, again = config["block_size"], config["num_random_blocks"]
    if n <= (5 + 2 * again) * size:
        return None
    blocks = n // size
    counts = torch.zeros(blocks, blocks)
    counts[0], counts[-1] = 1, 1
    for query in range(1, blocks - 1):
        counts[query, sorted({0, blocks - 1, query - 1, query, query + 1})] = 1
        counts[query, 0] += again
    return counts.repeat_interleave(size, 0).repeat_interleave(size, 1).log()


def token_ids(tokens, vocab):
    return [5 + (((i * 2_654_435_761 + 12_345) % 2**32) >> 16) % (vocab - 5) for i in range(tokens)]


def torch_once(folder, tokens, repeats):
    """Timings and a few states of PyTorch, in a process of its own."""
    import torch

    torch.set_num_threads(2)
    config = json.loads((folder / "config.json").read_text())
    weights = read(folder)
    ids = torch.tensor([token_ids(tokens, config["vocab_size"])])
    with torch.inference_mode():
        seconds = []
        for _ in range(repeats + 1):
            start, cpu = time.perf_counter(), time.process_time()
            states = forward(config, weights, ids)
            seconds.append((time.perf_counter() - start, time.process_time() - cpu))
    flat = states.flatten()
    picked = [float(flat[(flat.numel() - 1) * index // 15]) for index in range(16)]
    wall, cpu = min(seconds[1:])
    print(json.dumps({"seconds": wall, "cpu_seconds": cpu, "samples": picked,
                      "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def measured(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    # The program tells each run.
    return found | {key: min(found[key]) for key in ("seconds", "cpu_seconds") if isinstance(found[key], list)}


def compare(folder, name, tokens, program, repeats, rounds):
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(measured([program, "bench", "model", "--model", str(folder), "--tokens", str(tokens), "--threads",
                              "2", "--repeats", str(repeats), "--device", "cpu", "--json", "--quiet"]))
        theirs.append(measured([sys.executable, __file__, "torch", str(folder), "--tokens", str(tokens),
                                "--repeats", str(repeats)]))
    samples = zip(ours[0]["checksum"]["samples"], theirs[0]["samples"], strict=True)
    if (apart := max(abs(a - b) for a, b in samples)) > TOLERANCE:
        sys.exit(f"{name}: states differ by {apart}: the two do not compute the same")
    best = lambda runs, key: min(run[key] for run in runs)
    weights = 4 * sum(math.prod(shape) for _, shape in tensors(name))
    print(f"{name:<11} {tokens:>5}  {weights / 1e6:>7.0f} MB  load {best(ours, 'load_seconds'):>5.2f} s  "
          f"peak {best(ours, 'peak_rss_bytes') / 1e6:>6.0f} MB = {best(ours, 'peak_rss_bytes') / weights:.2f}x  "
          f"{tokens / best(ours, 'seconds'):>6.0f} tokens/s ({best(ours, 'cpu_seconds'):.2f} CPU s)  "
          f"PyTorch {tokens / best(theirs, 'seconds'):>6.0f} ({best(theirs, 'cpu_seconds'):.2f} CPU s, "
          f"{best(theirs, 'peak_rss_bytes') / 1e6:.0f} MB)  "
          f"ratio {statistics.median(b['cpu_seconds'] / a['cpu_seconds'] for a, b in zip(ours, theirs)):.2f}  "
          f"apart {apart:.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "time", "torch"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--program", default="strandscope", help="the program to time")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.what == "torch":
        return torch_once(given.folder, given.tokens, given.repeats)
    for name in given.names or MODELS:
        if given.what == "make":
            make(given.folder / name, name)
        else:
            for tokens in TOKENS.get(name, [512]):
                compare(given.folder / name, name, tokens, given.program, given.repeats, given.rounds)
    return None


if __name__ == "__main__":
    main()
