// Compiles modules with CPython 3.13, so that Lambda does not have to.
//
// Arguments: a directory with `sources/`, into whose `compiled/` the same paths are written.
// Prints the cache tag of the Python that compiled, e.g. cpython-313.
//
// Hash-based files that are not checked (PEP 552): they hold no time, so equal sources make equal
// bytes, and Lambda reads no source to see whether they are current. One fixed interpreter with a
// fixed hash seed takes the sources in the order of their paths.
import { loadPyodide } from "pyodide";

const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });
python.mountNodeFS("/work", process.argv[2]);
const tag = python.runPython(`
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from marshal import dumps
from pathlib import Path

UNCHECKED_HASH = (1).to_bytes(4, "little")
sources = Path("/work/sources")
for path in sorted(sources.rglob("*.py"), key=lambda path: path.as_posix()):
    name = path.relative_to(sources)
    source = path.read_bytes()
    code = compile(source, f"/var/task/{name.as_posix()}", "exec", dont_inherit=True, optimize=0)
    target = Path("/work/compiled") / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(MAGIC_NUMBER + UNCHECKED_HASH + source_hash(source) + dumps(code))
sys.implementation.cache_tag
`);
process.stdout.write(tag);
