"""The systems over AMT's vocabulary as things to generate with: prompts, steps, folders."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402
from cantilena.models.llama_music import LlamaMusic, prompt_text  # noqa: E402
from cantilena.models.llama_plain import export_plain  # noqa: E402
from cantilena.systems.arrival import amt_prefix, llama_music  # noqa: E402

SMALL, TEXT = tiny_hf.SMALL, tiny_hf.TEXT
TEXTS = ["slow sad waltz for string quartet", None, "rock"]


def check_steps(system, wanted) -> None:
    """Reading in steps gives what ``wanted(text, music)``, one whole pass, gives last."""
    music = tiny_hf.some_music(4, rows=3).tolist()
    steps = system.step_model.session([system.prompt(t) for t in TEXTS])
    steps.advance([m[:3] for m in music])
    for k in range(3, 9):
        steps.advance(np.array([m[k] for m in music]))
    found = steps.logits()
    assert found.shape == (3, SMALL.size)
    for row, text, tokens in zip(found, TEXTS, music, strict=True):
        assert np.allclose(row, wanted(text, tokens[:9]), atol=1e-4)
    assert np.allclose(steps.logits(300, 320), found[:, 300:320], atol=1e-5)


# ---------------------------------------------------------------------------- amt-prefix


@pytest.fixture(scope="module", params=["last", "layers"])
def prefix_folder(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("prefix")
    text = tiny_hf.saved(tiny_hf.llama(), root / "text", tiny_hf.tokenizer())
    music = tiny_hf.saved(tiny_hf.amt(), root / "music")
    torch.manual_seed(0)
    model = tiny_hf.prefix(music, text_encoder(text), request.param)
    torch.nn.init.normal_(model.bridge.project.weight, std=0.5)
    return model.save(root / "run")


def test_the_prefix_system_steps_as_its_model_reads(prefix_folder):
    system = amt_prefix.AmtPrefixSystem.load(prefix_folder)
    assert system.system == "amt-prefix" and len(system.hash) == 16

    def wanted(text, music):
        given = {}
        if text:
            found = system.model.encode([text])
            given = {"text_states": found.states, "text_mask": found.mask}
        ahead = torch.tensor([[*music, 0]])  # the last logits are of the token behind the music
        return system.model(ahead, **given).logits[0, -1].detach().numpy()

    check_steps(system, wanted)


def test_the_prefix_systems_prompt_has_no_positions_and_leaves_the_whole_context(prefix_folder):
    system = amt_prefix.AmtPrefixSystem.load(prefix_folder)
    prompt = system.prompt(TEXTS[0])
    assert not prompt.placed and not prompt.flagged and not len(prompt.ids)
    assert len(prompt) == 8  # <s>, six words, start of music
    assert len(system.prompt("")) == len(system.prompt(None)) == 1
    assert system.step_model.session([prompt]).room(0) == SMALL.context


# ---------------------------------------------------------------------------- llama-music


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return LlamaMusic(tiny_hf.llama(), None, SMALL, instruction="you are :").eval()


@pytest.fixture(scope="module", params=["split", "exported", "in memory"])
def joint_system(request, model, tmp_path_factory):
    folder, words = tmp_path_factory.mktemp("joint"), tiny_hf.tokenizer()
    if request.param == "in memory":
        return llama_music.of_model(model, words)
    if request.param == "split":
        model.save(folder, words)
    else:
        export_plain(model, folder, words)
    system = llama_music.LlamaMusicSystem.load(folder)
    assert system.system == "llama-music" and len(system.hash) == 16
    return system


def test_the_joint_system_steps_as_its_model_reads(joint_system, model):
    words = tiny_hf.tokenizer()

    def wanted(text, music):
        prompt = words(prompt_text(text, "you are :"))["input_ids"] if text else [1]
        ids = torch.tensor([[*prompt, *(TEXT + k for k in music)]])
        return model(ids).logits[0, -1, TEXT:].detach().numpy()

    check_steps(joint_system, wanted)


def test_the_joint_systems_prompt_is_instruction_and_description(joint_system):
    prompt = joint_system.prompt("slow waltz")
    wanted = tiny_hf.tokenizer()("you are : slow waltz ")["input_ids"]
    assert list(prompt.ids) == wanted and prompt.embeds is None and not prompt.flagged
    long = "happy . " + "rock " * 200
    with pytest.warns(UserWarning, match="context of 64"):
        cut = joint_system.prompt(long)
    assert list(cut.ids) == list(joint_system.prompt("happy .").ids)


def test_a_text_cannot_spell_music(model, tmp_path):
    export_plain(model, tmp_path, tiny_hf.tokenizer())
    with pytest.raises(InputError, match="spells music tokens"):
        llama_music.LlamaMusicSystem.load(tmp_path).prompt("slow <|arrival:3|> waltz")


def test_a_published_folder_without_our_card_is_read(tmp_path):
    from cantilena.tokens.arrival.vocab import AMT

    words = tiny_hf.tokenizer()
    plain = tiny_hf.llama(rows=len(words) + AMT.size + 2)
    tiny_hf.saved(plain, tmp_path, words)
    system = llama_music.LlamaMusicSystem.load(tmp_path)
    assert system.offset == len(words) and system.step_model.size == AMT.size
    assert system.instruction.startswith("You are a world-class composer. Please compose")


def test_a_folder_of_another_system_is_named(prefix_folder, model, tmp_path):
    with pytest.raises(CheckpointError, match="'amt-prefix'"):
        llama_music.LlamaMusicSystem.load(prefix_folder)
    with pytest.raises(CheckpointError, match="'llama-music'"):
        amt_prefix.AmtPrefixSystem.load(model.save(tmp_path))
    with pytest.raises(CheckpointError, match="no tokenizer"):
        llama_music.LlamaMusicSystem.load(tmp_path)


# ---------------------------------------------------------------------------- pieces


def test_both_systems_write_legal_pieces_to_texts_and_the_same_ones_again(prefix_folder, model):
    from cantilena.systems.arrival.writing import Order, write

    for system in (
        amt_prefix.AmtPrefixSystem.load(prefix_folder),
        llama_music.of_model(model, tiny_hf.tokenizer()),
    ):
        orders = [Order(text, seed, tokens=45) for seed, text in enumerate(TEXTS)]
        made = write(system, orders)
        for piece in made:
            time, duration, note = piece.events.reshape(-1, 3).T
            assert len(time) and (np.diff(time) >= 0).all()
            assert ((duration >= SMALL.duration) & (duration < SMALL.note)).all()
            assert ((note >= SMALL.note) & (note < SMALL.rest)).all()
        again = write(system, orders)
        assert all(np.array_equal(a.events, b.events) for a, b in zip(made, again, strict=True))
        other = write(system, [Order("happy jazz trio", 0, tokens=45)])[0]
        assert not np.array_equal(other.events, made[0].events)
