"""Loads a folder that `strandscope export-model` or `finetune --method full` wrote in the reference Python code, and
compares its logits with those of `strandscope forward`.

    strandscope forward --model DIR --input IN.safetensors --outputs class_logits -o MINE.safetensors
    python exported.py DIR --input IN.safetensors --code transformers --compare MINE.safetensors

Needs torch and safetensors; `--code transformers` also transformers (4.57.6 was used).
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def plain(folder, config, ids, mask, wanted, reference):
    """The plain PyTorch reference, in double precision."""
    sys.path.insert(0, str(reference))
    import refmodels as ref

    weights = {name: tensor.double() if tensor.is_floating_point() else tensor
               for name, tensor in load_file(folder / "model.safetensors").items()}
    if "rmt" in config:
        weights = {name.removeprefix("model."): tensor for name, tensor in weights.items()}
        config = {**config, **config["rmt"], "segment_pad_value": 0}
        return ref.rmt_forward(weights, config, ids.tolist())[1][wanted]
    kind = config.get("model_type", "bert")
    if "alibi_starting_size" in config:
        forward = ref.mosaic_forward
    elif kind == "dnagrinder":
        forward = ref.grinder_forward
    elif kind == "esm" or config["architectures"][0].startswith("Esm"):
        forward = ref.esm_forward
    else:
        forward = ref.bert_forward
    out = forward(weights, config, ids, mask)
    if kind == "big_bird" and wanted == "class_logits":
        # The reference has no classifier of this family: two tables around the activation, on the first token.
        dense = ref.linear(weights, "classifier.dense", out["last"][:, 0])
        return ref.linear(weights, "classifier.out_proj", ref.ACT[config["hidden_act"]](dense))
    return out[wanted]


def published(folder, ids, mask, wanted):
    """The class of transformers."""
    import transformers

    classes = {"class_logits": transformers.AutoModelForSequenceClassification,
               "logits": transformers.AutoModelForMaskedLM}
    model, loaded = classes[wanted].from_pretrained(folder, output_loading_info=True)
    missing = {name for name in loaded["missing_keys"] if "contact_head" not in name and "pooler" not in name}
    problems = missing | set(loaded["unexpected_keys"]) | set(loaded["mismatched_keys"])
    if problems:
        sys.exit(f"{folder} does not fit {type(model).__name__}: {sorted(map(str, problems))}")
    print(f"{type(model).__name__}, labels {list(model.config.id2label.values())}")
    model.eval()
    rows = []
    with torch.no_grad():
        if model.config.model_type != "esm":
            return model(input_ids=ids, attention_mask=mask).logits
        # Row by row, since this class lets padding change a row.
        for row, real in zip(ids, mask.bool()):
            found = model(input_ids=row[real][None]).logits[0]
            if wanted == "logits":
                found = torch.nn.functional.pad(found, (0, 0, 0, len(row) - len(found)))
            rows.append(found)
    return torch.stack(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the exported folder")
    parser.add_argument("--input", type=Path, required=True, help="safetensors with input_ids and attention_mask")
    parser.add_argument("--code", choices=["plain", "transformers"], default="plain")
    parser.add_argument("--reference", type=Path, default=Path(__file__).parent, help="folder of refmodels.py")
    parser.add_argument("--outputs", choices=["class_logits", "logits"], default="class_logits")
    parser.add_argument("--output", type=Path, help="write the logits to FILE.safetensors or FILE.json")
    parser.add_argument("--compare", type=Path, help="what strandscope forward gave")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()

    config = json.loads((args.folder / "config.json").read_text())
    given = load_file(args.input)
    ids = given["input_ids"]
    mask = given.get("attention_mask", torch.ones_like(ids))
    if args.code == "plain":
        logits = plain(args.folder, config, ids, mask, args.outputs, args.reference)
    else:
        logits = published(args.folder, ids, mask, args.outputs)
    if args.outputs == "logits":
        # Padded rows mean nothing.
        logits = logits * mask[..., None]
    logits = logits.float().contiguous()
    if args.output and args.output.suffix == ".json":
        args.output.write_text(json.dumps({args.outputs: logits.tolist()}))
    elif args.output:
        save_file({args.outputs: logits}, args.output)
    elif not args.compare:
        print(json.dumps({args.outputs: logits.tolist()}))
    if args.compare:
        mine = load_file(args.compare)[args.outputs]
        apart = (mine - logits).abs().max().item()
        print(f"{args.folder.name} {args.code} {args.outputs} {list(logits.shape)}: "
              f"largest {logits.abs().max().item():.3f}, {apart:.2e} apart")
        sys.exit(0 if mine.shape == logits.shape and apart <= args.tolerance else 1)


if __name__ == "__main__":
    main()
