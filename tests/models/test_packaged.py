"""Text models out of packages: a small Llama written as GGUF is the one that was written."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
gguf = pytest.importorskip("gguf")

import tiny_hf  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.data import weights  # noqa: E402
from cantilena.data.download import file_sha256  # noqa: E402
from cantilena.data.weights import Package  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models import packaged  # noqa: E402
from cantilena.models.encoders import encoder_from_card, text_encoder  # noqa: E402

FILE = "tiny/tiny.gguf"
UNKNOWN = "<|endoftext|>"
TEXTS = ["a slow sad waltz for string quartet", "rock"]
NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def byte_level(texts: list[str]):
    """A byte-level BPE tokenizer of 300 tokens, of the kind that GGUF calls "gpt2"."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    inner = ByteLevelBPETokenizer()
    inner.train_from_iterator(texts, 300, special_tokens=["<s>", "</s>"], show_progress=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner._tokenizer, bos_token="<s>", eos_token="</s>"
    )


def write_gguf(path: Path, model, tokenizer) -> None:
    """A Llama in llama.cpp's layout, whose query and key rows stand in another order."""
    config = model.config
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    path.parent.mkdir(parents=True)
    out = gguf.GGUFWriter(str(path), "llama")
    out.add_block_count(config.num_hidden_layers)
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(heads)
    out.add_head_count_kv(groups)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_rope_freq_base(100_000.0)
    out.add_vocab_size(config.vocab_size)
    words = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    out.add_tokenizer_model("gpt2")
    out.add_token_list([*(word for word, _ in words), UNKNOWN])
    out.add_token_types([*(3 if word in ("<s>", "</s>") else 1 for word, _ in words), 3])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    out.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in merges])
    out.add_bos_token_id(tokenizer.bos_token_id)
    out.add_eos_token_id(tokenizer.eos_token_id)
    out.add_unk_token_id(len(words))
    for name, tensor in model.state_dict().items():
        array = tensor.numpy()
        for ending, count in (("q_proj.weight", heads), ("k_proj.weight", groups)):
            if name.endswith(ending):
                rows, columns = array.shape
                array = array.reshape(count, 2, rows // count // 2, columns).swapaxes(1, 2)
                array = array.reshape(rows, columns)
        if name.startswith("model.layers."):
            _, _, layer, rest = name.split(".", 3)
            name = f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"
        elif name == "lm_head.weight":
            continue
        else:
            name = {"model.embed_tokens.weight": "token_embd.weight"}.get(
                name, "output_norm.weight"
            )
        out.add_tensor(name, array)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A small tied Llama, in the cache as the package "tiny"."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tokenizer = byte_level(TEXTS)
    model = tiny_hf.llama(
        vocab_size=len(tokenizer) + 1,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
    )
    entry = Package("tiny", "1.0", "a test", "ISC", "", 1, {FILE: ""})
    monkeypatch.setitem(weights.PACKAGES, "tiny", entry)
    monkeypatch.setitem(packaged.GGUF, "tiny", FILE)
    path = weights.weights_folder("tiny") / FILE
    write_gguf(path, model, tokenizer)
    entry.files[FILE] = file_sha256(path)
    return model, tokenizer


def test_the_model_and_its_tokenizer_are_those_in_the_file(model):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    original, tokenizer = model
    folder = packaged.packaged("tiny")
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    words = AutoTokenizer.from_pretrained(folder)
    ids = [words(text)["input_ids"] for text in TEXTS]
    plain = tokenizer.backend_tokenizer
    assert ids == [plain.encode(text, add_special_tokens=False).ids for text in TEXTS]
    with torch.no_grad():
        row = torch.tensor([ids[0]])
        apart = (loaded(row).logits - original(row).logits).abs().max()
    assert apart < 5e-3  # float16 weights
    assert loaded.get_input_embeddings().weight is loaded.get_output_embeddings().weight


def test_it_is_converted_once_and_the_short_name_stays_in_cards(model, monkeypatch):
    first = text_encoder("tiny")
    monkeypatch.setattr(packaged, "_convert", lambda *a: pytest.fail("converted again"))
    second = encoder_from_card(first.card)
    assert first.card["name"] == "tiny"
    assert torch.equal(first.encode(TEXTS).states, second.encode(TEXTS).states)


SLOW = """
import sys
from cantilena.data import weights
from cantilena.data.weights import Package
from cantilena.models import packaged
file, sha256 = sys.argv[1:]
weights.PACKAGES["tiny"] = Package("tiny", "1.0", "a test", "ISC", "", 1, {file: sha256})
packaged.GGUF["tiny"] = file
convert = packaged._convert
def slowly(*places):
    print("converting", flush=True)
    sys.stdin.readline()
    convert(*places)
packaged._convert = slowly
packaged.packaged("tiny")
"""


def test_a_second_process_waits_for_the_first_to_convert(model, monkeypatch):
    sha256 = weights.PACKAGES["tiny"].files[FILE]
    first = subprocess.Popen(
        [sys.executable, "-c", SLOW, FILE, sha256],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout and first.stdout.readline() == "converting\n"
    monkeypatch.setattr(packaged, "_convert", lambda *a: pytest.fail("converted twice"))
    timer = threading.Timer(0.3, first.communicate, ("\n",))
    timer.start()
    folder = Path(packaged.packaged("tiny"))
    assert (folder / "model.safetensors").is_file()
    timer.join()
    assert first.returncode == 0


def test_a_folder_of_that_name_goes_first_and_a_package_has_no_revisions(
    model, monkeypatch, tmp_path, capsys
):
    with pytest.raises(InputError, match="'tiny' comes out of a package, which has no revisions"):
        text_encoder("tiny", revision="main")
    monkeypatch.chdir(tmp_path)
    original, tokenizer = model
    tiny_hf.saved(original, Path("tiny"), tokenizer)
    assert packaged.packaged("tiny") == "tiny"
    assert packaged.packaged("tiny", revision="main") == "tiny"
    assert main(["data", "weights", "tiny"]) == 0, capsys.readouterr().err
    assert packaged.converted_folder("tiny").is_dir()


def test_missing_weights_name_the_command_that_gets_them(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="cantilena data weights smollm2"):
        text_encoder("smollm2")
    assert packaged.packaged("owner/name") == "owner/name"


def test_a_file_that_is_no_gguf_is_refused_and_nothing_is_left(model):
    path = weights.weights_folder("tiny") / FILE
    path.write_bytes(b"no GGUF")
    weights.PACKAGES["tiny"].files[FILE] = file_sha256(path)
    with pytest.raises(CheckpointError, match=r"tiny\.gguf cannot be read"):
        packaged.packaged("tiny")
    assert not packaged.converted_folder("tiny").exists()


def test_the_command_converts_what_it_has_got(model, capsys, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("pip was called"))
    assert main(["data", "weights", "tiny"]) == 0
    assert (packaged.converted_folder("tiny") / "model.safetensors").is_file()
    assert "tiny==1.0" in capsys.readouterr().out


def test_without_the_extra_the_file_is_kept_and_converted_later(model, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    assert main(["data", "weights", "tiny"]) == 0
    assert "first use" in capsys.readouterr().err
    assert not packaged.converted_folder("tiny").exists()


def test_a_model_in_the_published_layout_is_read_where_it_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bert, files = tiny_hf.bert(), {"tiny/model/config.json": "0" * 64}
    entry = Package("tiny", "1.0", "a test", "MIT", "", 1, files, "tiny/model/")
    monkeypatch.setitem(weights.PACKAGES, "minilm", entry)
    with pytest.raises(InputError, match=r"'minilm' needs .*'cantilena data weights minilm'"):
        text_encoder("minilm")
    folder = tiny_hf.saved(bert, weights.weights_folder("minilm"), tiny_hf.tokenizer())
    hashes = {f"tiny/model/{p.name}": file_sha256(p) for p in folder.iterdir()}
    files |= hashes
    by_name, by_folder = text_encoder("minilm"), text_encoder(folder)
    assert by_name.card["name"] == "minilm"
    assert torch.equal(by_name.encode(TEXTS).states, by_folder.encode(TEXTS).states)
    with pytest.raises(InputError, match="no revisions"):
        text_encoder("minilm", revision="main")
