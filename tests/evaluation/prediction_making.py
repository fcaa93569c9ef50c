"""Random predictions for tests of text, captions and average precision, and the same in disorder."""

from dataclasses import replace

from tests.evaluation.cases import box, prediction


def random_predictions(rng, count, descs=("a", "b", "c"), size=400):
    """Truths, of which most are found, some moved or renamed, and some inventions; image names by number."""
    made = []
    for number in range(count):
        truth, objects = [], []
        for _ in range(int(rng.integers(0, 7))):
            x, y = (float(v) for v in rng.uniform(0, size * 0.7, 2))
            width, height = (float(v) for v in rng.uniform(size * 0.03, size * 0.3, 2))
            truth.append(box(x, y, x + width, y + height, desc=str(rng.choice(descs))))
        for item in truth:
            if rng.random() < 0.75:
                shift = float(rng.uniform(0, 0.12)) * size * 0.2
                desc = item.desc if rng.random() < 0.8 else str(rng.choice(descs))
                objects.append(box(*(v + shift for v in item.points), desc=desc))
        for _ in range(int(rng.integers(0, 3))):
            x, y = (float(v) for v in rng.uniform(0, size * 0.8, 2))
            objects.append(box(x, y, x + 30, y + 40, desc=str(rng.choice(descs))))
        made.append(
            prediction(truth, objects, image=f"{number}.png", row=number, width=size, height=size)
        )
    return made


def disordered(rng, predictions):
    """The same predictions renamed and renumbered, in another order, their objects and scores in another order."""

    def pick(values, order):
        return None if values is None else tuple(values[int(i)] for i in order)

    result = []
    for row, index in enumerate(rng.permutation(len(predictions))):
        item = predictions[int(index)]
        order = rng.permutation(len(item.objects))
        truth = pick(item.truth, rng.permutation(len(item.truth or ())))
        result.append(
            replace(
                item, image=f"other/{row}.jpg", row=row, truth=truth, objects=pick(item.objects, order),
                logprob_scores=pick(item.logprob_scores, order),
                verbalised_scores=pick(item.verbalised_scores, order),
            )
        )  # fmt: skip
    return result
