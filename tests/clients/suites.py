"""Other people's test suites: franz-go's package kgo, and kafka-python's integration tests (scripts/clients runs them).

A suite has a name, a version, `prepare()`, and `run()`, which returns an outcome for each test:
name -> ("passed" or "failed" or "skipped", reason). What is missing raises Unavailable.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "target/clients"
PYTHON = ROOT / ".venv/bin/python"
FRANZ_GO = ("github.com/twmb/franz-go", "v1.22.3")
# franz-go's default of 500 000 records takes an hour on two cores.
KGO = {"KGO_TEST_RECORDS": "20000", "KGO_LOG_LEVEL": "none"}
# kafka-python's archive leaves out what starts brokers; a broker that is there needs no more than this of it.
SERVICE = """
class ExternalService:
    def __init__(self, host, port):
        pass

    def stop(self):
        pass


SpawnedService = None
"""

# Tests that are left out, by suite and broker: reason -> names. What the suites skip by themselves is not listed here.
LEFT_OUT = {
    ("kgo", "embedded"): {
        "the embedded broker has no transactions": ["TestTxnEtl"],
        "the embedded broker keeps offsets outside of topics, and so has no internal topic": ["TestConsumeRegex", "Test848RegexBrokerResolves"],
    },
    ("kafka-python", "embedded"): {
        "the embedded broker has no transactions": [
            "test_producer_integration.test_transactional_producer_messages",
            "test_producer_integration.test_transactional_producer_offsets",
        ],
        "the embedded broker has no users, and so no access lists": ["test_admin_integration.test_create_describe_delete_acls"],
        "the embedded broker is one node without replicas or disks": [
            "test_admin_integration.test_elect_leaders",
            "test_admin_integration.test_alter_replica_log_dirs",
            "test_admin_integration.test_describe_metadata_quorum",
            "test_admin_integration.test_list_config_resources",
            "test_admin_integration.test_alter_partition_reassignments",
            "test_admin_integration.test_list_partition_reassignments",
        ],
    },
    ("kafka-python", "all"): {
        "wants a node with the id 0": ["test_admin_integration.test_create_partitions"],
        "starts a Kafka of its own, from files that the source archive does not have": ["test_ssl_integration.TestSSLConnection"],
    },
}


class Unavailable(Exception):
    """A suite or broker that is not available here, and why."""


def left_out(suite, broker):
    """The tests of a suite that are left out on a broker: name -> reason."""
    reasons = [*LEFT_OUT.get((suite, broker), {}).items(), *LEFT_OUT.get((suite, "all"), {}).items()]
    return {name: reason for reason, names in reasons for name in names}


def run(args, why, **more):
    """What a command prints; what it says on standard error is the reason when it fails."""
    done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise Unavailable(f"{why}: {lines[-1]}")
    return done.stdout


class Kgo:
    """The tests of franz-go's client, built from the module that the Go module proxy serves."""

    name = "kgo"

    def prepare(self):
        if not shutil.which("go"):
            raise Unavailable("there is no go; run scripts/setup clients")
        version = run(["go", "env", "GOVERSION"], "go env").strip()
        numbers = re.match(r"go1\.(\d+)", version)
        if not numbers or int(numbers[1]) < 21:
            raise Unavailable(f"{version} is too old; from Go 1.21 on it fetches the version that franz-go needs")
        module, version = FRANZ_GO
        found = json.loads(run(["go", "mod", "download", "-json", f"{module}@{version}"], f"fetching {module}", cwd=WORK))
        self.folder = pathlib.Path(found["Dir"]) / "pkg/kgo"
        self.binary = WORK / "kgo.test"
        run(["go", "test", "-c", "-o", self.binary, "."], "building kgo's tests", cwd=self.folder)
        self.version = version

    def run(self, bootstrap, broker, only, log):
        environment = {"KGO_SEEDS": bootstrap, "KGO_TEST_RF": "1", "KGO_TEST_MAX_TOPIC_PARTS": "7", **KGO}
        names = "|".join(left_out(self.name, broker))
        test = [self.binary, "-test.v=test2json", "-test.timeout=10m", f"-test.run={only or '^Test'}"]
        if names:
            test.append(f"-test.skip=^({names})$")
        with log.open("w") as errors:
            command = ["go", "tool", "test2json", *test]
            done = subprocess.run(command, cwd=self.folder, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors, text=True)
        return self.read(done.stdout, log)

    def read(self, text, log):
        """Outcomes from go's JSON; a test with subtests counts as these, unless it fails without one that fails."""
        ends, output = {}, collections.defaultdict(list)
        for line in text.splitlines():
            event = json.loads(line)
            name, action = event.get("Test"), event["Action"]
            if action == "output":
                output[name].append(event["Output"])
            elif name and action in ("run", "pass", "fail", "skip"):
                ends[name] = action
        with log.open("a") as file:
            file.writelines(line for lines in output.values() for line in lines)
        words = {"pass": "passed", "fail": "failed", "skip": "skipped", "run": "failed"}
        outcomes = {}
        for name, end in ends.items():
            below = [other for other in ends if other.startswith(name + "/")]
            if below and (words[end] != "failed" or any(words[ends[other]] == "failed" for other in below)):
                continue
            said = re.findall(r"_test\.go:\d+: (.*)", "".join(output[name])) or ["no reason given"]
            # After the reason for skipping a deferred log line may come, and before a failure others.
            reason = {"run": "it did not end", "skip": said[0]}.get(end, said[-1])
            outcomes[name] = (words[end], reason)
        return outcomes


def pytest_id(name):
    """pytest's id for one of kafka-python's tests, or for a class of them, which is called MODULE.NAME here."""
    module, _, name = name.partition(".")
    return f"test/integration/{module}.py::{name.replace('.', '::')}"


class KafkaPython:
    """kafka-python's integration tests, from the source archive of the version that is installed in .venv."""

    name = "kafka-python"

    def prepare(self):
        if not PYTHON.exists():
            raise Unavailable("there is no .venv; run scripts/setup clients")
        self.version = run([PYTHON, "-c", "import kafka, pytest, pytest_timeout, py; print(kafka.__version__)"], "run scripts/setup clients").strip()
        self.folder = WORK / f"kafka_python-{self.version}"
        if (self.folder / "test/service.py").exists():
            return
        pip = [PYTHON, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", WORK, f"kafka-python=={self.version}"]
        run(pip, "fetching kafka-python")
        shutil.unpack_archive(WORK / f"{self.folder.name}.tar.gz", WORK)
        (self.folder / "test/__init__.py").touch()
        (self.folder / "test/service.py").write_text(SERVICE)

    def run(self, bootstrap, broker, only, log):
        environment = {"KAFKA_URI": f"kafka://{bootstrap}", "KAFKA_VERSION": "4.1.1", "KAFKA_ROOT": str(WORK)}
        deselected = [f"--deselect={pytest_id(name)}" for name in left_out(self.name, broker)]
        report = log.with_suffix(".xml")
        report.unlink(missing_ok=True)
        options = ["-p", "no:cacheprovider", "-o", "log_level=ERROR", "--timeout=90", "--timeout-method=signal", f"--junitxml={report}"]
        with log.open("w") as file:
            command = [PYTHON, "-B", "-m", "pytest", *options, *deselected, "-k", only, "test/integration"]
            subprocess.run(command, cwd=self.folder, env={**os.environ, **environment}, stdout=file, stderr=file)
        if not report.exists():
            return {"pytest": ("failed", "it ended without a report")}
        outcomes = {}
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            end, reason = "passed", ""
            for child in case:
                if child.tag in ("failure", "error", "skipped"):
                    end = "skipped" if child.tag == "skipped" else "failed"
                    reason = (child.get("message") or "").partition("\n")[0][:200]
            module = case.get("classname").removeprefix("test.integration.")
            outcomes[f"{module}.{case.get('name')}"] = (end, reason)
        return outcomes
