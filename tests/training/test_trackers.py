import numpy as np

from src.training.torchvision_shim import ensure_torchvision


def test_a_picture_reaches_each_tracker_that_the_run_reports_to():
    ensure_torchvision()
    from transformers.integrations import TensorBoardCallback, WandbCallback

    from src.training.ms_swift.trackers import show_picture

    sent = []

    class Wandb:
        @staticmethod
        def Image(pixels):
            return ("image", pixels.shape)

        @staticmethod
        def log(values):
            sent.append(values)

    class Writer:
        def add_image(self, name, pixels, step, dataformats):
            sent.append((name, pixels.shape, step, dataformats))

        def flush(self):
            sent.append("flush")

    board, silent, wandb = (
        object.__new__(kind) for kind in (TensorBoardCallback, TensorBoardCallback, WandbCallback)
    )
    board.tb_writer, silent.tb_writer, wandb._wandb = Writer(), None, Wandb
    show_picture([object(), board, silent, wandb], "seen", np.zeros((4, 6, 3), np.uint8), 12)
    assert sent == [
        ("seen", (4, 6, 3), 12, "HWC"),
        "flush",
        {"seen": ("image", (4, 6, 3)), "train/global_step": 12},
    ]
