"""Put Vega, Vega-Lite and Vega-Embed into one script, so that the page needs no network."""

import vl_convert

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job


def bundle_scripts(*, bundle: str) -> None:
    """Write the libraries as a script that defines ``window.vegaEmbed``."""
    write_bytes(bundle, vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode())


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        bundle_scripts(bundle=snakemake.output[0])
