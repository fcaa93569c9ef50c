from tests.training_fixtures import config_file, nano_model, scenes, trainings

__all__ = ["config_file", "nano_model", "scenes", "trainings"]
