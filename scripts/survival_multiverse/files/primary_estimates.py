"""Rows of the primary scenario, read out of the table of all scenarios."""

from functools import reduce
from operator import and_

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from survival_multiverse.settings.study import Study


def read_primary_estimates(path: str, study: Study) -> pd.DataFrame:
    """Read the primary scenario's rows alone; where an option does not apply it may be empty."""
    of_primary = [
        (pc.field(name) == value) | pc.field(name).is_null()
        for name, value in zip(study.decisions, study.primary, strict=True)
    ]
    frame = pq.read_table(path, filters=reduce(and_, of_primary)).to_pandas()
    for name in frame.select_dtypes("category"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return frame
