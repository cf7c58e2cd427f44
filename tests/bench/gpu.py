#!/usr/bin/env python3
"""Time this program on a GPU beside PyTorch on the same one, turn by turn, and print a table.

    python gpu.py --model grinder                                  # on a card
    python gpu.py --model grinder --tokens 512 --torch-device cpu  # to try the script without one

`grinder` is a folder with `config.json` and `model.safetensors` of a dnaGrinder model. For each length: the forward
pass of the model and attention alone (12 heads of 64), with skipping and without; a step of training; statistics of
all attention heads. Beside them PyTorch's attention alone: scaled_dot_product_attention with the bias as a mask, and
FlexAttention with ALiBi as a score_mod and a block mask of distances within which weights count, in single precision
and bfloat16. What a plain matrix product reaches on this card is the peak that others are shares of.

Operations are those of the pairs that were looked at; FlexAttention does not tell them.

What does not fit into memory or takes longer than --limit is left out with the reason.
"""

import argparse
import json
import math
import subprocess
import sys
import time

HEADS, WIDTH = 12, 64


def ours(arguments, seconds):
    """One bench of the program: a JSON object, or why there is none."""
    command = [PROGRAM, "bench", *arguments, "--device", "gpu", "--repeats", str(REPEATS), "--json", "--quiet"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"longer than {seconds} s"
    if done.returncode != 0:
        return done.stderr.strip().splitlines()[-1]
    return json.loads(done.stdout)


def slopes():
    """ALiBi slopes of 12 heads (Press et al. 2022)."""
    eight = [2.0 ** -(1 + index) for index in range(8)]
    sixteen = [2.0 ** -((1 + index) / 2) for index in range(16)]
    return eight + sixteen[::2][: HEADS - 8]


class Rival:
    """PyTorch on one device."""

    def __init__(self, device):
        import torch

        self.torch, self.device = torch, torch.device(device)

    def wait(self):
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()

    def timed(self, work):
        """Seconds of the fastest of several runs after one that warms up, and peak memory."""
        cuda = self.torch.cuda if self.device.type == "cuda" else None
        try:
            work()
            self.wait()
            if cuda:
                cuda.reset_peak_memory_stats()
            seconds = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                work()
                self.wait()
                seconds.append(time.perf_counter() - start)
            return {"seconds": min(seconds), "bytes": cuda.max_memory_allocated() if cuda else None}
        except (RuntimeError, self.torch.OutOfMemoryError) as error:
            return str(error).splitlines()[0][:60]
        finally:
            if cuda:
                cuda.empty_cache()

    def peak(self, dtype):
        """Floating-point operations in a second of a plain matrix product."""
        size = 8192 if self.device.type == "cuda" else 1024
        a, b = (self.torch.randn(size, size, device=self.device, dtype=dtype) for _ in range(2))
        return 2 * size**3 / self.timed(lambda: a @ b)["seconds"]

    def attention(self, tokens, dtype, mode):
        """q, k and v to output; `mode` is sdpa (with its bias as a mask) or flex."""
        torch = self.torch
        q, k, v = (torch.randn(1, HEADS, tokens, WIDTH, device=self.device, dtype=dtype) for _ in range(3))
        falls = torch.tensor(slopes(), device=self.device)
        if mode == "sdpa":
            at = torch.arange(tokens, device=self.device)
            bias = -(falls[:, None, None] * (at[:, None] - at[None, :]).abs()).to(dtype)[None]
            return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        # Norms of q and k are about 8 each: products up to 16, and 25 bits below the row's sum.
        reach = (2 * 16 + 25 * math.log(2)) / falls
        near = create_block_mask(
            lambda b, h, i, j: (i - j).abs() < reach[h], 1, HEADS, tokens, tokens, device=self.device.type
        )
        score = lambda s, b, h, i, j: s - falls[h] * (i - j).abs()
        flex = torch.compile(flex_attention) if self.device.type == "cuda" else flex_attention
        return lambda: flex(q, k, v, score_mod=score, block_mask=near)


def row(kind, tokens, found, flop=None, peak=None):
    if isinstance(found, str):
        print(f"| {kind} | {tokens:,} | {found} | | | | |", flush=True)
        return
    seconds = found.get("median_seconds", found.get("seconds"))
    held = found.get("peak_device_bytes", found.get("bytes"))
    kept = found.get("kept_fraction")
    done = (found.get("flop") or flop or 0) * (kept or 1)
    cells = [
        f"{seconds:.4g}",
        f"{held / 1e6:,.0f}" if held else "",
        f"{kept:.3f}" if kept else "",
        f"{done / seconds / 1e12:.3g}" if done else "",
        f"{done / seconds / peak:.1%}" if done and peak else "",
    ]
    print(f"| {kind} | {tokens:,} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="strandscope")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, nargs="+", default=[17_000, 140_000, 1_000_000])
    parser.add_argument("--training-tokens", type=int, default=140_000, help="no steps of training beyond this length")
    parser.add_argument("--torch-device", default="cuda")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=int, default=1200, help="seconds for each bench of the program")
    options = parser.parse_args()
    global PROGRAM, REPEATS
    PROGRAM, REPEATS = options.program, options.repeats

    rival = Rival(options.torch_device)
    single, half = rival.torch.float32, rival.torch.bfloat16
    peaks = {single: rival.peak(single), half: rival.peak(half)}
    name = rival.torch.cuda.get_device_name() if rival.device.type == "cuda" else "the processor"
    print(f"PyTorch {rival.torch.__version__} on {name}: a matrix product reaches "
          f"{peaks[single] / 1e12:.3g} TFLOP/s in f32 and {peaks[half] / 1e12:.3g} in bf16.\n")
    print("| what | tokens | seconds | device MB | kept | TFLOP/s | of f32 or bf16 peak |\n|---|---|---|---|---|---|---|")
    for tokens in options.tokens:
        size = ["--tokens", str(tokens)]
        alone = ["attention", *size, "--heads", str(HEADS), "--dim", str(WIDTH)]
        model = ["model", "--model", options.model, *size]
        for kind, arguments in [
            ("attention", alone),
            ("attention, no skipping", [*alone, "--no-skip"]),
            ("attention, forward and back", [*alone, "--pass", "forward-backward"]),
            ("attention, all statistics", [*alone, "--pass", "statistics"]),
            ("model", model),
            ("model, no skipping", [*model, "--no-skip"]),
            ("model, step of training", [*model, "--pass", "train"]),
        ]:
            if "train" in arguments and tokens > options.training_tokens:
                continue
            row(kind, tokens, ours(arguments, options.limit), peak=peaks[single])
        flop = 4.0 * HEADS * tokens**2 * WIDTH
        for mode in ("sdpa", "flex"):
            for dtype in (single, half):
                label = f"PyTorch {mode}, {str(dtype).removeprefix('torch.')}"
                try:
                    found = rival.timed(rival.attention(tokens, dtype, mode))
                except (RuntimeError, rival.torch.OutOfMemoryError, NotImplementedError) as error:
                    found = str(error).splitlines()[0][:60]
                row(f"{label}, attention", tokens, found, flop if mode == "sdpa" else None, peaks[dtype])


if __name__ == "__main__":
    sys.exit(main())
