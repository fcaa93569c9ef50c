"""Answers generated while training are the same for every number of ranks, and the best of them chooses the checkpoint.

Faults that they catch: batches cut per rank, answers gathered in the order of ranks, ranks that choose different checkpoints,
an evaluation that moves the generator of training, a last checkpoint passed off as the best.
"""

import json
from dataclasses import replace

import pytest

from src.config.loader import load_config
from src.datasets.assembly import make_dataset, open_split
from src.datasets.mix import member_specs
from src.datasets.over_long import Fitted
from src.datasets.preparation import MemberData
from src.errors import ImageError
from src.generation.held_out import batches_of, held_out_sets, predict_share
from src.generation.types import GenerationOptions, GenerationResult
from src.training.resume import take_back
from tests.reliability.whole_runs import keys_by_step

GENERATED = (
    "custom.evaluation.enabled=true", "custom.evaluation.batch_size=2",
    "custom.evaluation.max_new_tokens=12", "custom.evaluation.pictures=3",
    "custom.final_evaluation.enabled=false", "training.max_steps=6",
)  # fmt: skip
KEEPING_BEST = (
    *GENERATED, "training.load_best_model_at_end=true", "training.metric_for_best_model=f1_50",
    "custom.final_evaluation.enabled=true", "custom.final_evaluation.max_new_tokens=4",
)  # fmt: skip
WITHOUT_LEARNING = ("training.learning_rate=0", "training.eval_steps=4")


class Company:
    """An engine whose answer tells which records stood in the batch, as padding and rounding would."""

    def generate(self, requests, options):
        text = "+".join(request.key for request in requests)
        return [GenerationResult(text=text, finish_reason="stop", num_tokens=1) for _ in requests]


def sets_of(recipe, samples=None):
    config = load_config(recipe.config, ["custom.val_sample_limit=null"]).config
    custom = replace(config.custom, evaluation=replace(config.custom.evaluation, samples=samples))
    config = replace(config, custom=custom)
    (spec,) = member_specs(config)
    opened = open_split(config, spec, "val")
    dataset = make_dataset(config, spec, opened.source, split="val")
    fitted = Fitted(dataset=dataset, lengths=None, num_quarantined=0, num_cut_to_subset=0)
    return held_out_sets(config, [MemberData(opened=opened, fitted=fitted)])


def answers(batches, world_size, folder):
    """The texts of all ranks together, in the order of the list."""
    shares = [
        predict_share(
            batches, Company(), GenerationOptions(), folder, rank=rank, world_size=world_size
        )
        for rank in range(world_size)
    ]
    merged = {number: found for share in shares for number, found in share.items()}
    return [item.text for number in sorted(merged) for item in merged[number]]


def test_the_company_of_a_record_does_not_depend_on_the_ranks(recipe, tmp_path):
    sets = sets_of(recipe)
    batches = batches_of(sets, 5)
    alone = answers(batches, 1, tmp_path)
    assert len(alone) == 12
    assert all(answers(batches, ranks, tmp_path) == alone for ranks in (2, 4, 8))


def test_the_check_sees_batches_that_are_cut_per_rank(recipe, tmp_path):
    (one,) = sets_of(recipe)
    alone = answers(batches_of([one], 5), 1, tmp_path)
    halves = [replace(one, items=one.items[rank::2]) for rank in range(2)]
    found = [text for half in halves for text in answers(batches_of([half], 5), 1, tmp_path)]
    assert sorted(found) != sorted(alone)


def test_a_choice_of_records_is_seeded_and_in_file_order(recipe):
    rows = [[item.row for item in one.items] for one in sets_of(recipe, 7) + sets_of(recipe, 7)]
    assert rows[0] == rows[1] == sorted(rows[0])
    assert len(set(rows[0])) == 7
    assert rows[0] != list(range(7))  # Exports are sorted: their first rows are no sample.


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, recipe):
    """A run of 6 steps that does not learn, on one rank; evaluated after step 4, and after the last one whatever `eval_steps`."""
    run_dir = tmp_path_factory.mktemp("evaluated")
    recipe.run(run_dir, *GENERATED, *WITHOUT_LEARNING, "training.report_to=tensorboard")
    return run_dir


def figures(run_dir):
    lines = (run_dir / "evaluations" / "figures.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_figures_are_logged_written_and_pictured(evaluated):
    found = figures(evaluated)
    assert [entry["step"] for entry in found] == [4, 6]
    logged = [json.loads(line) for line in (evaluated / "metrics.jsonl").read_text().splitlines()]
    logged = [entry for entry in logged if "eval_loss" in entry]
    assert [entry["step"] for entry in logged] == [4, 6]
    for entry, line in zip(found, logged, strict=True):
        assert {k: line[f"eval_{k}"] for k in entry if k != "step"} == {
            k: v for k, v in entry.items() if k != "step"
        }
        assert line["eval_generated_samples"] == 4
        assert line["eval_generated_tokens"] > 0
        assert line["eval_generation_seconds"] > 0
    page = (evaluated / "progress.html").read_text()
    assert "step 4" in page
    assert "step 6" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_figures_and_pictures_reach_tensorboard(evaluated):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = {path.parent for path in evaluated.rglob("events.out.tfevents.*")}
    events = EventAccumulator(str(folder)).Reload()
    assert [event.step for event in events.Scalars("eval/f1_50")] == [4, 6]
    assert [event.step for event in events.Images("predictions")] == [4, 6]


def test_two_ranks_answer_as_one_does(recipe, evaluated, tmp_path):
    run_dir = tmp_path / "two"
    runs = recipe.start_ranks(2, run_dir, *GENERATED, *WITHOUT_LEARNING)
    assert [run.wait(240) for run in runs] == [0, 0], runs[0].output[-4000:]
    assert figures(run_dir) == figures(evaluated)
    for step in (4, 6):
        own, other = (
            [
                {**json.loads(line), "image": None}
                for line in (folder / "evaluations" / f"step-{step}.jsonl").read_text().splitlines()
            ]
            for folder in (run_dir, evaluated)
        )
        assert own == other
        assert len(own) == 4


def test_generating_leaves_training_as_it_was(recipe, whole, tmp_path):
    """The weights after 10 steps are bitwise those of a run that generates nothing."""
    run_dir = tmp_path / "run"
    recipe.run(run_dir, *GENERATED[:-1])
    name = "final/model.safetensors"
    assert (run_dir / name).read_bytes() == (whole.run_dir / name).read_bytes()
    assert keys_by_step(run_dir) == keys_by_step(whole.run_dir)


def test_the_best_checkpoint_by_f1_is_the_final_one(recipe, tmp_path):
    run_dir = tmp_path / "run"
    words = (*KEEPING_BEST, "training.save_total_limit=1")
    run = recipe.run(run_dir, *words, fault="scripted figures")
    chosen = "step 4 of 6, the best: f1_50 0.9"
    assert chosen in run.output
    assert json.loads((run_dir / "metrics.json").read_text())["weights"] == chosen
    assert chosen in (run_dir / "report.html").read_text()
    weights = "model.safetensors"
    final = (run_dir / "final" / weights).read_bytes()
    assert final == (run_dir / "checkpoint-4" / weights).read_bytes()
    assert final != (run_dir / "checkpoint-6" / weights).read_bytes()
    state = json.loads((run_dir / "checkpoint-6" / "trainer_state.json").read_text())
    assert state["best_metric"] == 0.9


@pytest.mark.full
def test_an_evaluation_whose_step_is_not_saved_cannot_be_the_best(recipe, tmp_path):
    """The fault: the report names the figure of step 4 beside the weights of another."""
    run_dir = tmp_path / "run"
    words = (*KEEPING_BEST, "training.save_steps=6")
    run = recipe.run(run_dir, *words, fault="scripted figures")
    assert "step 6 of 6, the best: f1_50 0.5" in run.output


def test_pictures_that_vanish_cost_their_records_only_if_the_config_says_so(recipe, tmp_path):
    (one,) = sets_of(recipe)
    gone = replace(one.items[1], pictures=(tmp_path / "gone.png",))
    batches = batches_of([replace(one, items=(one.items[0], gone, *one.items[2:]))], 5)

    def share(**words):
        return predict_share(
            batches, Company(), GenerationOptions(), tmp_path, rank=0, world_size=1, **words
        )

    with pytest.raises(ImageError):
        share()
    found = share(skips_unreadable=True)
    assert [item.row for batch in found.values() for item in batch] == [0, *range(2, 12)]


def test_a_start_anew_leaves_the_figures_of_an_earlier_one_behind(tmp_path):
    folder = tmp_path / "evaluations"
    folder.mkdir()
    lines = [json.dumps({"step": step, "f1_50": 0.5}) + "\n" for step in (50, 100, 150)]
    (folder / "figures.jsonl").write_text("".join(lines))
    take_back(tmp_path, 100)
    assert (folder / "figures.jsonl").read_text() == "".join(lines[:2])
    take_back(tmp_path, 0)
    assert not (folder / "figures.jsonl").exists()


@pytest.mark.full
def test_a_killed_and_resumed_run_evaluates_as_one_that_was_not(recipe, tmp_path):
    whole_dir, run_dir = tmp_path / "whole", tmp_path / "killed"
    recipe.run(whole_dir, *GENERATED)
    run = recipe.start(run_dir, *GENERATED)
    recipe.wait_for_keys(run_dir, step=5)
    run.kill()
    assert run.wait() == -9
    # What an earlier start left behind: of a step that the resumed run has yet to come to.
    stale = run_dir / "evaluations" / "figures.jsonl"
    stale.write_text(stale.read_text() + json.dumps({"step": 6, "f1_50": 7.0}) + "\n")
    recipe.run(run_dir, *GENERATED, resume="auto")
    assert figures(run_dir) == figures(whole_dir)
    assert sorted(path.name for path in (run_dir / "evaluations").iterdir()) == sorted(
        path.name for path in (whole_dir / "evaluations").iterdir()
    )


@pytest.mark.full
def test_an_adapter_is_evaluated_with_its_base(recipe, tmp_path):
    """With gradient checkpointing, as large models are trained."""
    run_dir = tmp_path / "run"
    recipe.run(
        run_dir, *GENERATED, "tuner.tuner_type=lora", "tuner.target_modules=all-linear",
        "training.gradient_checkpointing=true", "training.max_steps=4",
        "training.load_best_model_at_end=true", "training.metric_for_best_model=f1_50",
        fault="scripted figures",
    )  # fmt: skip
    assert [entry["step"] for entry in figures(run_dir)] == [2, 4]
    name = "adapter_model.safetensors"
    assert (run_dir / "final" / name).read_bytes() == (run_dir / "checkpoint-4" / name).read_bytes()
