"""Real data that may lie beside the checkout (../shared/data); a clone elsewhere runs every test that does not need them."""

import pytest

from tests.training_fixtures import ROOT

BCCD = ROOT.parent / "shared" / "data" / "bccd"
LVIS = ROOT.parent / "shared" / "data" / "lvis" / "lvis_val_100.json"
needs_bccd = pytest.mark.skipif(not BCCD.is_dir(), reason="the blood-cell photographs are absent")
needs_lvis = pytest.mark.skipif(not LVIS.is_file(), reason="the annotations of LVIS are absent")
