"""Steps of the workflow, told apart by the settings that they are told."""

from enum import StrEnum


class Step(StrEnum):
    """What a job does, as far as the settings that it is told are concerned."""

    COHORT = "cohort"
    """Read, draw or reconstruct the patients."""
    SCENARIO = "scenario"
    """Fit the analyses of scenarios."""
    RECONSTRUCTED = "reconstructed_scenario"
    """The same of reconstructed patients, whose balance is judged by the published cutoffs."""
    DRAWS = "draws"
    """Make resampled draws."""
    INFERENCE = "inference"
    """Test the analyses of a block jointly."""
    STUDY = "study"
    """Summarise, draw and describe a study; told everything but where files are and how jobs are cut."""


READER = (Step.STUDY,)
"""For what is said to the reader, and what is shown to him."""
PATIENTS = (Step.COHORT, Step.STUDY)
"""For what decides who the patients are."""
JOINT = (Step.DRAWS, Step.INFERENCE, Step.STUDY)
"""For what decides the joint inference."""
