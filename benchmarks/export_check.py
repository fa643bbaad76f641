"""Does an exported model mean the same to other programs?

    python benchmarks/export_check.py make FOLDER              # with Cantilena's own environment
    python benchmarks/export_check.py check FOLDER             # with any transformers, also 4.57
    python LLAMA_CPP/convert_hf_to_gguf.py FOLDER/plain --outtype f32 --outfile FOLDER/plain.gguf
    python benchmarks/export_check.py check FOLDER --gguf      # with llama-cpp-python

``make`` exports a small random ``llama-music``: its rope scaled as Llama 3's from a theta of
500,000 and its weights large, so that a wrong position shows; its tokenizer learned from a few
captions, as ``cantilena init`` does. Beside it are the split model's logits, the ids of texts, and
where music begins and ends. ``check`` needs neither Cantilena nor its transformers: it reads the
folder, or the GGUF file, and ends with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

PLAIN, GGUF, EXPECTED, LOGITS = "plain", "plain.gguf", "expected.json", "logits.npy"
CAPTIONS = (
    "A slow sad waltz for string quartet in D minor, with rubato.",
    "lofi beat, 82 bpm, rhodes and upright bass; it doesn't swing",
    "A melodic electronic song in 4/4 with a lively tempo and an electronic mood.",
    "jazz trio, swing, no drums",
)
TEXTS = (*CAPTIONS, "waltz  in größer 🎻 3/4\n", " a mood with bass, in D minor ")
LENGTH = 120  # music tokens behind the text: beyond the 64 positions that the rope was scaled from
CLOSE = 2e-4  # of the logits' largest: float32 in another order
ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def make(folder: Path) -> int:
    """Writes the export and what Cantilena's split model says."""
    import torch
    import transformers

    from cantilena.models.llama_music import LlamaMusic
    from cantilena.models.llama_plain import export_plain
    from cantilena.train.tuned.tokenizer import make_tokenizer

    tokenizer = make_tokenizer(CAPTIONS, 400)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2_048,
        initializer_range=0.3,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        rope_parameters=ROPE,
    )
    model = LlamaMusic(transformers.LlamaForCausalLM(config)).eval()
    export_plain(model, folder / PLAIN, tokenizer)
    words = [tokenizer(text)["input_ids"] for text in TEXTS]
    music = torch.randint(model.n_music, (LENGTH,)) + model.offset
    ids = [*words[0], *music.tolist()]
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0]
    np.save(folder / LOGITS, logits.numpy())
    expected = {
        "ids": ids,
        "texts": words,
        "separator": model.offset + model.vocabulary.separator,
        "offset": model.offset,
        "theta": ROPE["rope_theta"],
    }
    (folder / EXPECTED).write_text(json.dumps(expected))
    print(f"{folder / PLAIN}: {logits.shape[1]:,} rows, written by {transformers.__version__}")
    return 0


def by_transformers(folder: Path, expected: dict[str, Any]) -> dict[str, Any]:
    """What the installed transformers reads."""
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder / PLAIN).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / PLAIN)
    row = tokenizer(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        logits = model(torch.tensor([expected["ids"]])).logits[0].float().numpy()
        generated = model.generate(**row, max_new_tokens=8, pad_token_id=0)[0].tolist()
    return {
        "program": f"transformers {transformers.__version__}",
        "logits": logits,
        "generated from": generated[: row.input_ids.shape[1]],
        "texts": [tokenizer(text)["input_ids"] for text in TEXTS],
        "first music token": tokenizer.convert_tokens_to_ids("<|arrival:0|>"),
        "end of the tokenizer": tokenizer.eos_token_id,
        "ends": model.generation_config.eos_token_id,
    }


def by_llama_cpp(folder: Path, expected: dict[str, Any]) -> dict[str, Any]:
    """What llama.cpp reads of the converted file."""
    import llama_cpp

    ids = expected["ids"]
    exact = llama_cpp.GGML_TYPE_F32  # of the cache, which is float16 by default
    llama = llama_cpp.Llama(
        str(folder / GGUF),
        n_ctx=512,
        logits_all=True,
        n_threads=1,
        type_k=exact,
        type_v=exact,
        verbose=False,
    )
    llama.eval(ids)
    (music,) = llama.tokenize(b"<|arrival:0|>", add_bos=False, special=True)
    return {
        "program": f"llama-cpp-python {llama_cpp.__version__}",
        "logits": np.array(llama.scores[: len(ids)]),
        "texts": [llama.tokenize(text.encode()) for text in TEXTS],
        "first music token": music,
        "end of the tokenizer": llama.token_eos(),
        "ends": [llama.token_eos()],
    }


def check(folder: Path, gguf: bool) -> int:
    """Prints what is read beside what was written; 1 where anything differs."""
    expected = json.loads((folder / EXPECTED).read_text())
    wanted = np.load(folder / LOGITS)
    seen = (by_llama_cpp if gguf else by_transformers)(folder, expected)
    difference = float(np.abs(seen["logits"] - wanted).max() / np.abs(wanted).max())
    first = seen["ends"][0] if isinstance(seen["ends"], list) else seen["ends"]
    outcomes = {
        f"logits, largest difference {difference:.1e} of the largest": difference < CLOSE,
        "likeliest next tokens": bool((seen["logits"].argmax(1) == wanted.argmax(1)).all()),
        f"ids of {len(TEXTS)} texts": seen["texts"] == expected["texts"],
        "where music begins": seen["first music token"] == expected["offset"],
        "end of the tokenizer": seen["end of the tokenizer"] == expected["separator"],
        "end of a generation": first == expected["separator"],
    }
    if "generated from" in seen:
        outcomes["prompt of a generation"] = seen["generated from"] == expected["texts"][0]
    print(seen["program"])
    for name, equal in outcomes.items():
        print(f"  {'equal' if equal else 'OTHER'}  {name}")
    return 0 if all(outcomes.values()) else 1


def main() -> int:
    """Runs the script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=("make", "check"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gguf", action="store_true", help="read FOLDER/plain.gguf by llama.cpp")
    args = parser.parse_args()
    return make(args.folder) if args.step == "make" else check(args.folder, args.gguf)


if __name__ == "__main__":
    sys.exit(main())
