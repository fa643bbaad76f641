"""Labels in order: the loss against torch's own over all paths, likeliest labels, and edits."""

from __future__ import annotations

from itertools import product

import pytest

torch = pytest.importorskip("torch")

from cantilena.models.audio.ctc import ctc, edits, label_errors, likeliest  # noqa: E402


def collapsed(path) -> list[int]:
    out = [label for i, label in enumerate(path) if not i or label != path[i - 1]]
    return [label for label in out if label]


def test_the_loss_is_that_of_all_paths_that_say_the_labels():
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 3)
    labels, counts = torch.tensor([[1, 2], [1, 0]]), torch.tensor([2, 1])
    frames = torch.tensor([5, 4])
    wanted = []
    for b in range(2):
        n, true = int(frames[b]), labels[b, : counts[b]].tolist()
        p = logits[b].softmax(-1)
        total = sum(
            torch.stack([p[t, k] for t, k in enumerate(path)]).prod()
            for path in product(range(3), repeat=n)
            if collapsed(path) == true
        )
        wanted.append(-torch.log(torch.as_tensor(total)) / len(true))
    assert float(ctc(logits, frames, labels, counts)) == pytest.approx(float(sum(wanted)) / 2, 1e-5)


def test_too_few_frames_cost_nothing():
    logits = torch.zeros(1, 2, 3, requires_grad=True)
    loss = ctc(logits, torch.tensor([2]), torch.tensor([[1, 1, 2]]), torch.tensor([3]))
    loss.backward()
    assert float(loss.detach()) == 0 and torch.isfinite(logits.grad).all()


def test_repeats_are_one_and_frames_behind_the_end_do_not_count():
    path = torch.tensor([[0, 1, 1, 0, 1, 2, 2, 1]])
    logits = torch.nn.functional.one_hot(path, 3).float()
    assert likeliest(logits, torch.tensor([7])) == [[1, 1, 2]]
    errors = label_errors(logits, torch.tensor([7]), torch.tensor([[1, 2, 0]]), torch.tensor([2]))
    assert errors.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("heard", "true", "least"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)],
)
def test_edits(heard: str, true: str, least: int):
    assert edits([ord(c) for c in heard], [ord(c) for c in true]) == least
