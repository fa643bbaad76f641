"""Our models under HuggingFace's Trainer: losses, accumulation, checkpoints."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

import tiny_hf  # noqa: E402
from cantilena.models.amt_prefix import AmtPrefix  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.systems.arrival.training.collate import JointCollator, PrefixCollator  # noqa: E402

SMALL, TEXT = tiny_hf.SMALL, tiny_hf.TEXT


def parts(kind: str):
    torch.manual_seed(0)
    if kind == "amt-prefix":
        encoder = text_encoder("hashed", width=8)
        config = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
        music = tiny_hf.amt()
        for name, value in config.items():
            setattr(music.config, name, value)
        for module in music.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        return AmtPrefix(music, encoder, "layers", SMALL), PrefixCollator(encoder, SMALL.context)
    model = LlamaMusic(tiny_hf.llama(), None, SMALL)
    return model, JointCollator(tiny_hf.tokenizer(), TEXT, instruction="you are :")


def examples() -> list[dict]:
    """Of unequal lengths, so that a mean of means is not the mean."""
    music = tiny_hf.some_music(9, rows=8).tolist()
    return [{"text": "rock " * k, "music": m[: 4 + 3 * k]} for k, m in enumerate(music)]


def trained(kind: str, folder, batch: int, accumulate: int):
    model, collate = parts(kind)
    settings = transformers.TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulate,
        max_steps=2,
        learning_rate=1e-3,
        save_steps=2,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
        prediction_loss_only=True,
        seed=3,
    )
    trainer = transformers.Trainer(
        model, settings, data_collator=collate, train_dataset=examples(), eval_dataset=examples()
    )
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    return trainer, losses


@pytest.mark.parametrize("kind", ["amt-prefix", "llama-music"])
def test_the_trainer_trains_evaluates_and_saves_our_models(kind, tmp_path):
    trainer, losses = trained(kind, tmp_path, batch=8, accumulate=1)
    assert len(losses) == 2 and losses[1] < losses[0]
    assert trainer.evaluate()["eval_loss"] < losses[0]
    saved = tmp_path / "checkpoint-2" / "model.safetensors"
    from safetensors.torch import load_file

    again, _ = parts(kind)
    again.load_state_dict(load_file(saved))
    for (name, p), q in zip(trainer.model.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(p, q), name
    assert not any("encoder" in name for name in load_file(saved))


@pytest.mark.parametrize("kind", ["amt-prefix", "llama-music"])
def test_accumulated_gradients_are_those_of_one_batch(kind, tmp_path):
    """Sequences differ in length: without the step's number of labels these would differ."""
    one, _ = trained(kind, tmp_path / "one", batch=8, accumulate=1)
    two, _ = trained(kind, tmp_path / "two", batch=2, accumulate=4)
    for (name, p), q in zip(one.model.named_parameters(), two.model.parameters(), strict=True):
        assert torch.allclose(p, q, atol=2e-5), name
