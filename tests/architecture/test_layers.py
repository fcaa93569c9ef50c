"""C1 and the layer rules: dependencies point down, the lower layers are light, one package knows ms-swift.

Faults that they catch: an import of torch at the top of a low layer, a converter that pulls in the trainer, a sideways import
between components, a second door to ms-swift.
"""

import ast
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "swift", "peft", "accelerate")
# The first prefix that fits a module gives its layer.
LAYERS = (
    ("src.contract.__main__", 6), ("src.contract.doctor_command", 6), ("src.contract.doctor_page", 6),
    ("src.errors", 0), ("src.rng", 0), ("src.files", 0), ("src.images", 0), ("src.utils", 0),
    ("src.typed_yaml", 1), ("src.contract", 1), ("src.datasets.geometry", 1), ("src.datasets.scene", 1),
    ("src.datasets.augmentation", 2), ("src.datasets.builders", 2), ("src.datasets.config", 2), ("src.datasets.fusion", 2),
    ("src.datasets.render", 2), ("src.evaluation", 2), ("src.domains", 2), ("src.report", 2), ("src.doctor", 2),
    ("src.generation.config", 2), ("src.training.config", 2), ("src.config", 3), ("src.datasets", 4),
    ("src.training", 5), ("src.generation", 5),
    ("src.sft", 6), ("src.plan", 6), ("src.replay", 6), ("src.predict", 6), ("src.prepare", 6), ("src.final_evaluation", 6),
    ("src.export", 6), ("src.parity", 6), ("src.stats", 6),
)  # fmt: skip
COMPONENTS = (
    "src.datasets.augmentation",
    "src.datasets.builders",
    "src.datasets.fusion",
    "src.evaluation",
    "src.domains",
    "src.doctor",
    "src.report",
)


def modules(*folders: str) -> dict[str, Path]:
    found = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, whether it is imported when the file is) of every import; type-checking blocks do not run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []

    def walk(node: ast.AST, at_import: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, at_import) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.level == 0:
                names = [f"{child.module}.{alias.name}" for alias in child.names]
                known = [
                    name for name in names if (ROOT / (name.replace(".", "/") + ".py")).is_file()
                ]
                found.extend((name, at_import) for name in known or [str(child.module)])
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            walk(child, at_import and not is_function)

    walk(tree, True)
    return found


def layer(module: str) -> int | None:
    for prefix, number in LAYERS:
        if module == prefix or module.startswith(f"{prefix}."):
            return number
    return None


SRC = modules("src")


def test_every_module_has_a_layer():
    assert [
        name for name in SRC if name != "src" and layer(name) is None and SRC[name].stat().st_size
    ] == []


@pytest.mark.parametrize("name", SRC)
def test_imports_point_down_or_stay(name):
    own = layer(name)
    for target, _ in imports(SRC[name]):
        assert not target.startswith(("public_data", "data_conversion", "vis_tools")), target
        if target.startswith("src.") and own is not None:
            assert layer(target) is None or layer(target) <= own, (
                f"{name} imports {target} from above"
            )


@pytest.mark.parametrize("name", SRC)
def test_components_know_each_other_through_the_layer_below_only(name):
    own = next((c for c in COMPONENTS if name == c or name.startswith(f"{c}.")), None)
    for target, _ in imports(SRC[name]):
        other = next((c for c in COMPONENTS if target == c or target.startswith(f"{c}.")), None)
        if own and other and own != other:
            assert target.endswith(".config"), f"{name} imports {target} sideways"


def test_one_package_knows_swift():
    everything = modules("src", "scripts", "public_data", "data_conversion", "vis_tools")
    users = {
        name
        for name, path in everything.items()
        if any(t.split(".")[0] == "swift" for t, _ in imports(path))
    }
    allowed = {"scripts.config_tools.make_field_table"}
    assert {
        name for name in users - allowed if not name.startswith("src.training.ms_swift")
    } == set()
    assert any(name.startswith("src.training.ms_swift") for name in users)


@pytest.mark.parametrize("name", [name for name in SRC if (layer(name) or 0) <= 4])
def test_low_layers_never_import_heavy_packages(name):
    assert [t for t, _ in imports(SRC[name]) if t.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize("name", modules("data_conversion", "public_data"))
def test_side_trees_use_components_at_most(name):
    for target, _ in imports(modules("data_conversion", "public_data")[name]):
        if target.startswith("src."):
            assert (layer(target) or 0) <= 2, f"{name} imports {target}"
        assert target.split(".")[0] not in HEAVY


LIGHT = [
    "src.config.loader", "src.evaluation.report", "src.report.page", "src.domains.loader",
    "src.contract.policy", "src.datasets.builders.jsonlines", "data_conversion.pipeline.unified_processor",
    "public_data.scenes.write", "public_data.detection", "public_data.rescale",
]  # fmt: skip
PROBE = """
import importlib, resource, sys
before = resource.getrusage(resource.RUSAGE_SELF)
for name in {names!r}: importlib.import_module(name)
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
print(",".join(sorted(set({heavy!r}) & set(sys.modules))))
"""


LIBRARIES = ["numpy", "pydantic", "yaml", "PIL.Image"]  # What these layers cannot do without.


def probe(names: list[str], bytecode: Path | None = None) -> tuple[float, str]:
    """Processor seconds that importing `names` takes, and the heavy packages that it brought."""
    code = PROBE.format(names=names, heavy=HEAVY)
    env = dict(os.environ)
    if bytecode is not None:
        # A user's second start finds compiled modules; a test environment may forbid writing them.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONPYCACHEPREFIX"] = str(bytecode)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds, heavy = done.stdout.splitlines() if done.stdout.count("\n") > 1 else (done.stdout, "")
    return float(seconds), heavy


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory):
    return tmp_path_factory.mktemp("bytecode")


@pytest.mark.parametrize("name", LIGHT)
def test_low_layers_import_in_half_a_second_without_heavy_packages(name, bytecode):
    """C1. Half a second is meant for a machine that loads the libraries below in a quarter of one.

    A machine that is slower at the moment gets more by the same proportion: what is measured is
    this project, and the libraries are loaded in turns with it. Noise only adds, so rounds are
    made until the smallest times fit, eight at most.
    """
    assert probe([name], bytecode)[1].strip() == ""  # It also compiles what is not compiled yet.
    probe(LIBRARIES, bytecode)
    ours = libraries = math.inf
    for _ in range(8):
        ours = min(ours, probe([name], bytecode)[0])
        libraries = min(libraries, probe(LIBRARIES, bytecode)[0])
        if ours < max(0.5, 2 * libraries):
            break
    assert ours < max(0.5, 2 * libraries)


def test_the_check_sees_a_heavy_import():
    assert probe(["accelerate"])[1].strip() != ""


def test_packages_do_no_work_on_import():
    inits = [path for path in (ROOT / "src").rglob("__init__.py") if path.read_text().strip()]
    assert inits == []
