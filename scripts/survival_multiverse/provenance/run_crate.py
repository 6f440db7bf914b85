"""The study as a Provenance Run Crate 0.5: what ran, in which steps, on what, and what came out.

The crate's root is ``results``, since a crate describes what lies below its metadata file. It holds a copy of
the workflow's code; patients' files from outside are named by digest alone.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from survival_multiverse.provenance.crate_entities import CrateEntities, Reference
from survival_multiverse.provenance.job_records import ELSEWHERE, WORKFLOW, settings_path
from survival_multiverse.provenance.study_records import CODE, README, JobRecord, StoredFile, StudyRecords

MAIN = f"{CODE}/workflow/Snakefile"
PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/ro/wfrun/provenance/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
DESCRIPTOR_PROFILES = ("https://w3id.org/ro/crate/1.1", PROFILES[-1])
SNAKEMAKE = "https://snakemake.github.io"
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
COMPLETED = "http://schema.org/CompletedActionStatus"
RUNNER = {"@id": "#runner"}


class RunCrate:
    """Builds the crate of a study that has records.

    Parameters
    ----------
    files
        Size and digest of every file of the crate, by path.
    versions
        Of this repository (``workflow``) and of Snakemake (``snakemake``).
    """

    def __init__(
        self,
        records: StudyRecords,
        *,
        title: str,
        files: Mapping[str, Mapping[str, Any]],
        versions: Mapping[str, str],
    ) -> None:
        self.records, self.title, self.versions = records, title, versions
        date = max(job.run["ended"] for job in records.jobs)
        self.entities = CrateEntities(records.study, files, date)
        self.rules: dict[str, list[JobRecord]] = {}
        for job in records.jobs:
            self.rules.setdefault(job.rule, []).append(job)

    def metadata(self) -> dict[str, Any]:
        """Return the crate's JSON-LD."""
        add_file = self.entities.add_file
        for path in self.entities.files:
            if path == README:
                add_file(path, about={"@id": "./"})
            elif path != MAIN:
                add_file(path)
        self._common()
        tools = {rule: self._tool(rule) for rule in self.rules}
        steps = {rule: self._step(rule, tool, place) for place, (rule, tool) in enumerate(tools.items(), 1)}
        actions = {
            job.place: self._action(job, tools[rule]) for rule, jobs in self.rules.items() for job in jobs
        }
        controls = [self._control(job, steps[job.rule], actions[job.place]) for job in self.records.jobs]
        run = self._run(tools, steps)
        self.entities.add(
            "#organize",
            "OrganizeAction",
            name="Snakemake runs the jobs",
            instrument={"@id": SNAKEMAKE},
            object=controls,
            result=run,
            agent=RUNNER,
        )
        self._root([run, *actions.values()])
        return self.entities.crate.metadata.generate()

    def _common(self) -> None:
        """Add what every part refers to: who ran it, and with which engine."""
        add = self.entities.add
        add(
            RUNNER["@id"],
            "Organization",
            name="Whoever ran this study",
            description="Not recorded; a signature of the manifest says who vouches for it.",
            url=SNAKEMAKE,
        )
        engine = {"name": "Snakemake", "url": SNAKEMAKE}
        add(SNAKEMAKE, "SoftwareApplication", **engine, softwareVersion=self.versions["snakemake"])
        add("#snakemake-language", "ComputerLanguage", **engine, identifier=SNAKEMAKE)
        for sha256 in dict.fromkeys(job.settings_sha256 for job in self.records.jobs):
            add(
                f"#settings-{sha256}",
                "PropertyValue",
                name="sha256 of settings",
                value=sha256,
                description=f"They are {settings_path(sha256).as_posix().removeprefix('results/')}.",
            )

    def _tool(self, rule: str) -> Reference:
        """Add the script of a rule with the modules that it uses, and its formal parameters."""
        entities, jobs, script = self.entities, self.rules[rule], f"{CODE}/scripts/{rule}.py"
        used = [f"{CODE}/scripts/{name}" for name in jobs[-1].code_sha256]
        read = {file.role: self._input(file) for job in jobs for file in job.inputs}
        written = self._results_of(jobs[-1])
        return entities.add(
            entities.archived(script),
            "SoftwareApplication",
            name=f"{rule}.py",
            url=entities.archived(script),
            softwareVersion=self.versions["workflow"],
            softwareRequirements=[f"{name} {version}" for name, version in jobs[-1].versions.items()],
            hasPart=[entities.reference(path) for path in used if path in entities.files],
            input=[entities.add_parameter(rule, role, [file]) for role, file in read.items()],
            output=[entities.add_parameter(rule, "result", written)],
        )

    def _step(self, rule: str, tool: Reference, position: int) -> Reference:
        return self.entities.add(
            f"#step-{rule}", "HowToStep", name=rule, position=str(position), workExample=tool
        )

    def _action(self, job: JobRecord, tool: Reference) -> Reference:
        """Add a job: what it read and wrote, its parameters, and when and where it ran."""
        chosen = {**job.wildcards, **job.parameters, "seed": job.seed}
        values = [self._value(name, _text(value)) for name, value in chosen.items()]
        settings = {"@id": f"#settings-{job.settings_sha256}"}
        return self.entities.add(
            _identifier(job),
            "CreateAction",
            name=" ".join([job.rule, *(f"{name}~{value}" for name, value in job.wildcards.items())]),
            description=f"On {job.run['host']} ({job.run['processor']}), {job.run['cores']} cores",
            instrument=tool,
            object=[*map(self._input, job.inputs), settings, *values],
            result=self._results_of(job),
            subjectOf=self.entities.reference(job.place),
            agent=RUNNER,
            startTime=job.run["started"],
            endTime=job.run["ended"],
            actionStatus=COMPLETED,
        )

    def _value(self, name: str, value: str) -> Reference:
        """Add a parameter and its value, one for all jobs that have it."""
        identifier = f"#{quote(name)}={quote(value)}"
        if self.entities.crate.dereference(identifier) is None:
            self.entities.add(identifier, "PropertyValue", name=name, value=value)
        return {"@id": identifier}

    def _control(self, job: JobRecord, step: Reference, action: Reference) -> Reference:
        name = f"{_identifier(job)}-control"
        return self.entities.add(
            name, "ControlAction", name=f"run {job.rule}", instrument=step, object=action
        )

    def _run(self, tools: Mapping[str, Reference], steps: Mapping[str, Reference]) -> Reference:
        """Add the workflow, and the run of it."""
        entities, jobs = self.entities, self.records.jobs
        read = {
            file.role: self._input(file)
            for job in jobs
            for file in job.inputs
            if not file.path.startswith("results/")
        }
        written = [entities.reference(path) for path in self.records.writers if path in entities.files]
        properties = {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": "Dose robustness study",
            "programmingLanguage": {"@id": "#snakemake-language"},
            "version": self.versions["workflow"],
            "url": entities.archived(MAIN),
            "conformsTo": entities.add(
                BIOSCHEMAS, "CreativeWork", name="Bioschemas ComputationalWorkflow", version="1.0"
            ),
            "hasPart": list(tools.values()),
            "step": list(steps.values()),
            "input": [entities.add_parameter("workflow", role, [file]) for role, file in read.items()],
            "output": entities.add_parameter("workflow", "result", written),
        }
        entities.add_file(MAIN, **properties)
        settings = [{"@id": f"#settings-{sha256}"} for sha256 in {job.settings_sha256: 0 for job in jobs}]
        return entities.add(
            "#run",
            "CreateAction",
            name="Run of the study",
            description=f"All jobs behind the results there are: {self.title}",
            instrument=entities.reference(MAIN),
            object=[*read.values(), *settings],
            result=written,
            agent=RUNNER,
            startTime=min(job.run["started"] for job in jobs),
            endTime=max(job.run["ended"] for job in jobs),
            actionStatus=COMPLETED,
        )

    def _root(self, actions: list[Reference]) -> None:
        entities, crate = self.entities, self.entities.crate
        crate.name = self.title
        crate.description = self.records.jobs[-1].data_origin
        crate.datePublished = entities.date
        root = crate.root_dataset
        root["license"] = entities.add(
            "#licence",
            "CreativeWork",
            name="MIT for the workflow; none is stated for the results",
            description="The copy of the workflow has its LICENSE beside it.",
        )
        root["conformsTo"] = [
            entities.add(uri, "CreativeWork", name=uri.removeprefix("https://w3id.org/")) for uri in PROFILES
        ]
        root["mainEntity"] = entities.reference(MAIN)
        root["publisher"] = root["author"] = RUNNER
        root["mentions"] = actions
        crate.metadata["conformsTo"] = [{"@id": uri} for uri in DESCRIPTOR_PROFILES]

    def _results_of(self, job: JobRecord) -> list[Reference]:
        last = self.records.writers
        own = [file.path for file in job.outputs if last[file.path][0] is job]
        return [self.entities.reference(path) for path in own if path in self.entities.files]

    def _input(self, file: StoredFile) -> Reference:
        """Add a file that a job read: in the crate, or named by its digest alone."""
        path = file.path
        if not path.startswith(("results/", ELSEWHERE)):
            path = f"{CODE}/{path.removeprefix(WORKFLOW)}"
        if path in self.entities.files:
            return self.entities.reference(path)
        return self._value(f"sha256 of {file.role}", file.sha256)


def _identifier(job: JobRecord) -> str:
    return "#" + job.place.removeprefix("results/provenance/jobs/").removesuffix(".json")


def _text(value: Any) -> str:
    return " to ".join(map(str, value)) if isinstance(value, list) else str(value)
