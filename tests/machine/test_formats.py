# SPDX-License-Identifier: MIT
"""The formats of trapline-decode, opened by the tools that they are for: jq, babeltrace2, lnav and a browser.

The logs and records are those of tests/formats, which machines have made (`make formats-fixtures`), and one of a fresh machine.
"""

import json
import os
import pty
import re
import shutil
import struct
import subprocess
import xml.etree.ElementTree as xml
import zlib

from lib import logs
from lib.machine import BUILD, ROOT, expect, on

DECODE = BUILD / "guest-tools/bin/trapline-decode"
FIXTURES = ROOT / "tests/formats"
LINUX, RECORDS, RING, TRIPLE = (FIXTURES / name for name in ("linux.log", "linux.records", "linux.ring1", "triple.log"))
LNAV = ROOT / "guest-tools/formats/trapline.lnav.json"
RECORD = 256
# The members that trapline-decode adds to the object of a line.
ADDED = ("run", "us", "time", "story", "last", "places")
WHITE, BLACK = "ffffff", "0d1117"
HOSTILE = (
    b"trapline: active version=<script>document.title='owned'</script> backend=svm cpus=1\r\n"
    b"mark seq=1 cpu=0 t=0.000001 at=0x33:0x401000 mode=64 cpl=3 text=\"</pre><script>document.title='owned'</script>\"\r\n"
    b"mark seq=2 cpu=0 t=0.000002 at=0x33:0x401000 mode=64 cpl=3 text=\"<img src=x onerror=document.title='owned'>\"\r\n"
    b"trap seq=3 cpu=0 t=0.5 vec=14 name=<b>#PF</b> err=0x2 at=0x10:0x1000 mode=64 cpl=0 code=90 insn=\"<svg onload=alert(1)>\"\r\n"
    b"trapline: verdict \"</p><script>document.title='owned'</script> & it went\"\r\n"
    b"trap seq=3 cpu=0 t=0.5 vec=14 name=#PF err=0x2 at=0x10:0x1000 mode=64 cpl=0 why=\"a \\\\\" \\q b\" insn=\"<i>\"\r\n"
    b"  walk PML4E at=0x0 entry=0x0 bits=\"<td>\" why=\"]]><!--\"\r\n"
    b"trapline: halted cpu=0 next=0x0 why=\"\x01\x1b[31m\xff\xfe'\"\r\n"
)


def tool(*command, wanted=0, env=None, stdin=None):
    """The output of a tool, which must be installed and must succeed."""
    expect(shutil.which(command[0]), f"{command[0]} is not installed: `make deps`")
    done = subprocess.run(
        [str(word) for word in command],
        stdin=stdin or subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, **(env or {})},
    )
    said = done.stderr.decode("latin-1")
    expect(done.returncode == wanted, f"{' '.join(map(str, command))}: status {done.returncode}\n{said[-2000:]}")
    return done.stdout.decode("latin-1"), said


def decode(form, *inputs):
    return tool(DECODE, f"--format={form}", *inputs)[0]


def folder(machine, name):
    """An empty folder for the files of a test."""
    path = machine.scratch / f"formats-{name}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def trap_lines(path):
    return [line for line in logs.clean(path.read_bytes()).splitlines() if line.startswith(("trap seq=", "mark seq="))]


def as_object(line):
    """The object for a line in logfmt, made by a parser of the test's own."""
    wanted = {"kind": line.split(" ")[0]}
    for name, value in logs.PAIR.findall(line):
        if value.startswith('"'):
            wanted[name] = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif name != "code" and re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value):
            wanted[name] = json.loads(value)
        else:
            wanted[name] = value
    return wanted


def without(added, record):
    return {name: value for name, value in record.items() if name not in added}


@on("svm")
def test_json(machine):
    """Each line is an object that jq reads; the objects of records have the values of the lines; a verdict has the number of its report."""
    for path in (LINUX, TRIPLE):
        objects = [json.loads(line) for line in decode("json", path).splitlines()]
        records = [without(ADDED, one) for one in objects if one["kind"] in ("trap", "mark")]
        expect(records == [as_object(line) for line in trap_lines(path)], f"{path.name}: the records differ")
        verdict = next(one for one in objects if one["kind"] == "verdict")
        expect(verdict["text"].startswith("the kernel wrote to address") and verdict["story"] == 1, f"{verdict}")
        out = folder(machine, "json") / "log.json"
        tool(DECODE, f"--format=json:{out}", path)
        count, _ = tool("jq", "-s", "map(select(.kind)) | length", out)
        expect(int(count) == len(objects), f"{path.name}: jq sees {count} objects of {len(objects)}")


def read_records(data):
    """seq, tsc, rip, vector and type of each record, by the offsets in include/trapline/record.h."""
    for at in range(0, len(data), RECORD):
        seq, tsc, rip = struct.unpack_from("<QQQ", data, at)
        yield seq, tsc, rip, data[at + 232], data[at + 233]


def start_and_khz():
    return struct.unpack_from("<QI", RECORDS.read_bytes(), 24)


EVENT = re.compile(r"^\[(\d+\.\d+)\] .*trap: .*rip = (0x[0-9A-F]+),.*cpu = (\d+), vector = \( .*?container = (\d+) \)", re.M)


def events(path):
    # It says what was lost on standard error, which is no error.
    text, said = tool("babeltrace2", "--clock-seconds", path)
    return [(float(t), int(rip, 16), int(cpu), int(vector)) for t, rip, cpu, vector in EVENT.findall(text)], text, said


@on("svm")
def test_ctf(machine):
    """babeltrace2 reads every record with the time of t=, the address and the vector's name, and reports lost records."""
    out = folder(machine, "ctf") / "trace"
    tool(DECODE, f"--format=ctf:{out}", RECORDS)
    found, text, said = events(out)
    start, khz = start_and_khz()
    data = RECORDS.read_bytes()[RECORD:]
    wanted = sorted((tsc, rip, vector) for _, tsc, rip, vector, _ in read_records(data))
    expect(len(found) == len(wanted) > 100, f"{len(found)} events of {len(wanted)}")
    for (t, rip, _, vector), (tsc, wanted_rip, wanted_vector) in zip(found, wanted):
        expect((rip, vector) == (wanted_rip, wanted_vector), f"{rip:#x} {vector}, not {wanted_rip:#x} {wanted_vector}")
        expect(abs(t - (tsc - start) / khz / 1000) < 2e-6, f"{t} is not the time of {tsc}")
    expect('vector = ( "#PF" : container = 14 )' in text and "first_seq = " in text, text[:500])
    expect("discarded" in said, f"the rings have wrapped, and nothing is said to be lost: {said}")
    stored = (out / "cpu1").read_bytes()
    ring = RING.read_bytes()
    slots = {ring[at : at + RECORD] for at in range(0, len(ring), RECORD)}
    expect(stored[-RECORD:] in slots and stored[-2 * RECORD : -RECORD] in slots, "the stream's bytes are not the ring's")


@on("svm")
def test_ctf_lost(machine):
    """Seven records that are missing in the middle are seven that babeltrace2 says were lost."""
    out, data = folder(machine, "lost"), RECORDS.read_bytes()
    (out / "records").write_bytes(data[: 50 * RECORD] + data[57 * RECORD :])
    tool(DECODE, f"--format=ctf:{out}/trace", out / "records")
    _, _, said = events(out / "trace")
    expect("discarded 7 events" in said, f"babeltrace2 says {said[-500:]}")


@on("svm")
def test_ctf_ring(machine):
    """The bytes of a ring: babeltrace2 reads them if the oldest record is moved to the front, else time runs backwards."""
    out = folder(machine, "ring")
    (out / "metadata").write_text(decode("ctf_metadata", RECORDS))
    ring = RING.read_bytes()
    seqs = [seq for seq, *_ in read_records(ring)]
    oldest = RECORD * seqs.index(min(seqs))
    expect(oldest, "the ring has not wrapped: another fixture")
    (out / "cpu1").write_bytes(ring[oldest:] + ring[:oldest])
    found, _, _ = events(out)
    expect([rip for _, rip, _, _ in found] == [rip for _, _, rip, _, _ in sorted(read_records(ring))], "other records")
    (out / "cpu1").write_bytes(ring)
    _, said = tool("babeltrace2", out, wanted=1)
    expect("last-returned-ts" in said, f"time goes back, and babeltrace2 says {said[-500:]}")


PHASES = {"M": ("args",), "i": ("ts", "tid", "s", "args"), "C": ("ts", "args"), "X": ("ts", "dur", "tid", "args")}


def check_trace(trace, where):
    """Checks a trace in Chrome's Trace Event Format: each phase that is used has its required members."""
    expect(isinstance(trace["traceEvents"], list) and trace["displayTimeUnit"] in ("ms", "ns"), where)
    tracks = {(one["pid"], one["tid"]) for one in trace["traceEvents"] if one["name"] == "thread_name"}
    for one in trace["traceEvents"]:
        expect(one["ph"] in PHASES and isinstance(one["name"], str) and isinstance(one["pid"], int), f"{where}: {one}")
        expect(all(name in one for name in PHASES[one["ph"]]), f"{where}: {one}")
        expect(all(isinstance(one.get(name, 0), int) and one.get(name, 0) >= 0 for name in ("ts", "dur", "tid")), f"{where}: {one}")
        expect(one["ph"] != "i" or one["s"] in "gpt", f"{where}: {one}")
        expect(one["ph"] not in "iX" or (one["pid"], one["tid"]) in tracks, f"{where}: no track is named: {one}")
        expect(one["ph"] != "C" or all(isinstance(value, int) for value in one["args"].values()), f"{where}: {one}")


@on("svm")
def test_chrome(machine):
    """Each record is an instant on its CPU's track, the counter of a vector ends at its number of records, and exit loops are spans."""
    for path in (LINUX, TRIPLE, RECORDS):
        trace = json.loads(decode("chrome", path))
        check_trace(trace, path.name)
        instants = [one for one in trace["traceEvents"] if one.get("cat") in ("exception", "mark")]
        counters = {one["name"]: one["args"]["count"] for one in trace["traceEvents"] if one["ph"] == "C"}
        exceptions = [one for one in instants if one["cat"] == "exception"]
        names = [one["name"] for one in exceptions]
        expect(counters == {name: names.count(name) for name in names} != {}, f"{path.name}: {counters} of {len(exceptions)}")
        times = [one["ts"] for one in instants]
        expect(times == sorted(times), f"{path.name}: out of order")
    exits = [one for one in json.loads(decode("chrome", TRIPLE))["traceEvents"] if one.get("cat") == "exit"]
    lines = [line for line in logs.clean(TRIPLE.read_bytes()).splitlines() if line.startswith("  exit t=")]
    expect(len(exits) == len(lines) > 10 and any(one["ph"] == "X" for one in exits), f"{len(exits)} exits of {len(lines)}")


# Lines in the form of docs/log.md: CPU 1 halts until an NMI wakes it, CPU 0 halts until the end.
HALTS = """trapline: active version=1 backend=svm cpus=2
trap seq=1 cpu=1 t=1.000000 vec=6 name=#UD at=0x33:0x401000 mode=64 cpl=3 code=0f0b
trapline: halted cpu=1 next=0x10:0xffffffff81000000 why="interrupts are off: only an NMI, an INIT or a reset ends it"
trap seq=1 cpu=0 t=2.500000 vec=6 name=#UD at=0x33:0x401000 mode=64 cpl=3 code=0f0b
trapline: awake cpu=1
trapline: halted cpu=0 next=0x10:0xffffffff81000000 why="interrupts are off: only an NMI, an INIT or a reset ends it"
trap seq=2 cpu=1 t=4.000000 vec=6 name=#UD at=0x33:0x401000 mode=64 cpl=3 code=0f0b
"""


@on("svm")
def test_chrome_spans(machine):
    """A halted CPU is a span until it is awake or the run ends."""
    path = folder(machine, "halts") / "halts.log"
    path.write_text(HALTS)
    trace = json.loads(decode("chrome", path))
    check_trace(trace, "halts")
    spans = [(one["name"], one["tid"], one["ts"], one["dur"]) for one in trace["traceEvents"] if one.get("cat") == "stop"]
    expect(spans == [("halted", 1, 1000000, 1500000), ("halted", 0, 2500000, 1500000)], f"{spans}")


@on("svm")
def test_chrome_many_spans(machine):
    """As many spans as there are numbers of CPUs, each announced three times: the time grows with the lines, not with their square."""
    path, cpus = folder(machine, "many-halts") / "halts.log", 65536
    first, *_, end = HALTS.splitlines(keepends=True)
    halted = [f"trapline: halted cpu={cpu} next=0x10:0x1000\n" for cpu in range(cpus)]
    awake = [f"trapline: awake cpu={cpu}\n" for cpu in range(0, cpus, 2)]
    begin = end.replace("seq=2", "seq=1").replace("4.000000", "1.000000")
    path.write_text("".join((first, begin, *halted * 3, end, *awake, end.replace("seq=2", "seq=3").replace("4.", "6."))))
    spans = [one for one in json.loads(decode("chrome", path))["traceEvents"] if one.get("cat") == "stop"]
    expect(sorted(one["tid"] for one in spans) == list(range(cpus)), f"{len(spans)} spans")
    for one in spans:
        expect((one["ts"], one["dur"]) == (1000000, 5000000 if one["tid"] % 2 else 3000000), f"{one}")


# INT 4 has the vector of #OF.
INT4 = """trap seq=1 cpu=0 t=1.000000 vec=4 name=int type=int at=0x33:0x401000 mode=64 cpl=3
trap seq=2 cpu=0 t=2.000000 vec=4 name=#OF at=0x33:0x401002 mode=64 cpl=3
"""


@on("svm")
def test_chrome_int(machine):
    """INT n has a counter of its own, and is not the exception with the same vector."""
    path = folder(machine, "int4") / "int4.log"
    path.write_text(INT4)
    counts = [(one["name"], one["args"]["count"]) for one in json.loads(decode("chrome", path))["traceEvents"] if one["ph"] == "C"]
    expect(counts == [("int 0x4", 1), ("#OF", 1)], f"{counts}")


def lnav(machine, path, table, columns):
    home = folder(machine, f"lnav-{path.stem}-{table}")
    tool("lnav", "-i", LNAV, env={"HOME": str(home)})
    query = f";select {columns} from {table}"
    text, _ = tool("lnav", "-n", "-c", query, "-c", ":write-json-to -", path, env={"HOME": str(home)})
    return json.loads(text)


@on("svm")
def test_lnav(machine):
    """lnav shows a row with level and fields for each line of the serial log; for JSON lines, the times as well."""
    rows = lnav(machine, TRIPLE, "trapline_log", "kind, seq, cpu, t, vec, name, err, at, log_level")
    wanted = [logs.fields(line) for line in trap_lines(TRIPLE)]
    traps = [row for row in rows if row["kind"] == "trap"]
    names = ("seq", "cpu", "t", "vec", "name", "err", "at")
    found = [{name: str(row[name]) for name in names} for row in traps]
    expect(found == [{name: fields[name] for name in names} for fields in wanted], f"{found}")
    levels = {row["log_level"] for row in rows if row["kind"] == "trapline"}
    expect("critical" in levels and "info" in levels, f"{levels}")
    expect([row["log_level"] for row in traps[:4]] == ["error", "error", "error", "critical"], f"{traps[:4]}")
    out = folder(machine, "lnav-json") / "log.json"
    tool(DECODE, f"--format=json:{out}", TRIPLE)
    timed = lnav(machine, out, "trapline_json", "kind, t, log_time, log_level")
    expect(len(timed) == len(out.read_text().splitlines()), f"{len(timed)} rows")
    # The report repeats these records: lnav's time does not run backwards there.
    for row in [row for row in timed if row["kind"] == "trap"][:4]:
        expect(row["log_time"] == f"2000-01-01 00:00:0{row['t'][:5]}", f"{row}")


def browser(page, *options):
    """Runs Debian's chromium without a window and without a network."""
    home = page.parent / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    command = ["chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    return tool(*command, f"--user-data-dir={home}", *options, page.as_uri(), env={"HOME": str(home)})[0]


def first_pixel(path):
    """The first pixel of a PNG with 8 bits per colour. No filter changes it, as there is no pixel before it."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        size = struct.unpack_from(">I", data, at)[0]
        packed += data[at + 8 : at + 8 + size] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + size
    return zlib.decompress(packed)[1:4].hex()


def page_of(machine, name, *inputs):
    page = folder(machine, name) / "report.html"
    tool(DECODE, f"--format=html:{page}", *inputs)
    text = page.read_text()
    for wrong in (r"<script", r"\bsrc=", r"<link", r"\bhref=", r"\bon\w+=[^&]*>", r"url\("):
        expect(not re.search(wrong, re.sub(r"&#\d+;", "", text)) or name == "hostile", f"{name}: the page has {wrong}")
    addresses = set(re.findall(r"https?://[^\"<> ]+", text))
    expect(addresses <= {"http://www.w3.org/2000/svg"}, f"{name}: the page names {addresses}")
    return page, text


@on("svm")
def test_html(machine):
    """The browser shows verdict, picture, page walk, sites and all records, in the light and the dark style, and prints them."""
    page, _ = page_of(machine, "html", LINUX, RECORDS)
    shown = browser(page, "--dump-dom")
    expect("the kernel wrote to address 0x30 through rdi, which was 0: a null pointer" in shown, "no verdict")
    expect(shown.count("<svg") >= 2 and "<h4>Page walk</h4>" in shown and "Where it happened most" in shown, "a part is missing")
    records = len(RECORDS.read_bytes()) // RECORD - 1
    expect(shown.count('<details class="one">') >= records, f"not all of {records} records")
    colors = []
    for scheme in (1, 0):
        picture = page.parent / f"{scheme}.png"
        browser(page, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=600,400", f"--screenshot={picture}")
        expect(picture.stat().st_size > 5000, f"{picture} is empty")
        colors.append(first_pixel(picture))
    expect(colors == [WHITE, BLACK], f"light and dark: {colors}")
    paper = page.parent / "report.pdf"
    browser(page, f"--print-to-pdf={paper}")
    expect(paper.read_bytes().startswith(b"%PDF") and paper.stat().st_size > 20000, f"{paper}")


@on("svm")
def test_html_triple_fault(machine):
    """The picture of a chain has a box for each fault, with the event that was being delivered and the gate that was missing."""
    _, text = page_of(machine, "triple", TRIPLE)
    picture = xml.fromstring(decode("chain_svg", TRIPLE))
    said = [part.text or "" for part in picture.iter("{http://www.w3.org/2000/svg}text")]
    wanted = ("#PF page fault", "#NP segment not present", "#DF double fault", "triple fault: the CPU shuts down", "its gate: ")
    for words in wanted:
        expect(any(words in line for line in "".join(f"{line}\n" for line in said).splitlines()), f"no {words}: {said}")
    expect('<tr class="bad"><td>PDE</td>' in text, "the level that refuses is not marked")


@on("svm")
def test_hostile(machine):
    """HTML, quotes and control characters that a guest writes into its log are plain text in every format."""
    path = folder(machine, "log") / "<script>alert(1).log"
    path.write_bytes(HOSTILE)
    page, text = page_of(machine, "hostile", path)
    expect("<script" not in text and "<img" not in text and "<svg onload" not in text, "markup of the guest's is in the page")
    shown = browser(page, "--dump-dom")
    expect("<title>owned" not in shown and "<script" not in shown and "&lt;script&gt;" in shown, "the page is not the writer's own")
    for line in decode("json", path).splitlines():
        json.loads(line)
    check_trace(json.loads(decode("chrome", path)), "hostile")
    for form in ("chain_svg", "timeline_svg"):
        xml.fromstring(decode(form, path))


@on("svm")
def test_fresh(machine):
    """A fresh log: the lines give the same objects as trapctl --json in the guest, and all formats can be written and opened."""
    words = "trapline.mode=faults trapline.run=insmod:trapline,trapctl:trace:--json:--vector=gp"
    run = machine.linux(words).expect_status(0).expect_active(machine.vendor)
    log = run.out / "trapline.log"
    printed = {(one["cpu"], one["seq"]): without(ADDED, one) for one in map(json.loads, decode("json", log).splitlines()) if one["kind"] == "trap"}
    told = [json.loads(line) for line in run.guest.splitlines() if line.startswith('{"kind":"trap"')]
    both = [one for one in told if (one["cpu"], one["seq"]) in printed]
    expect(len(both) > 2, f"{len(told)} objects of trapctl's, {len(both)} of them on the line; see {run.out}")
    for one in both:
        wanted = printed[one["cpu"], one["seq"]]
        # Names that the line did not have yet: the kernel's symbols, and what the module, loaded later, says of processes.
        later = [name for name in ("sym", "pid", "comm") if name not in wanted]
        expect(without(later, one) == wanted, f"{one}\nis not {wanted}; see {run.out}")
    check_trace(json.loads(decode("chrome", log)), str(log))
    xml.fromstring(decode("timeline_svg", log))
    expect(len(lnav(machine, log, "trapline_log", "seq")) >= len(printed), f"lnav has fewer rows; see {run.out}")
    page, _ = page_of(machine, "fresh", log)
    expect("All " in browser(page, "--dump-dom"), f"no records in {page}")


@on("svm")
def test_refusals(machine):
    """Output that cannot be made is reported and an error: CTF from text lines, a picture without a chain."""
    out = folder(machine, "refused")
    _, said = tool(DECODE, f"--format=ctf:{out}/trace", LINUX, wanted=1)
    expect("no binary records" in said and not (out / "trace").exists(), said)
    _, said = tool(DECODE, "--format=chain_svg", RECORDS, wanted=1)
    expect("no report of an end" in said, said)


@on("svm")
def test_folder_first(machine):
    """Formats behind a folder of CTF are written to standard output, and to a second folder, as without it."""
    out = folder(machine, "first")
    shown, _ = tool(DECODE, f"--format=ctf:{out}/one", "--format=json", f"--format=ctf:{out}/two", "--format=text", RECORDS)
    expect(shown == decode("json", RECORDS) + decode("text", RECORDS), f"other output behind a folder: {shown[:200]}")
    for name in ("metadata", "cpu0", "cpu1"):
        expect((out / "one" / name).read_bytes() == (out / "two" / name).read_bytes(), f"{name} differs")


@on("svm")
def test_former_output(machine):
    """A former output stays if there is nothing to write instead; else the file is the new one, with its rights, behind its link."""
    out = folder(machine, "former")
    former, link = out / "chain.svg", out / "link.svg"
    former.write_text("former")
    former.chmod(0o640)
    link.symlink_to(former.name)
    for words in ((RECORDS,), (out / "no.log",), (out / "no.log", out / "neither.log")):
        tool(DECODE, f"--format=chain_svg:{former}", *words, wanted=1)
        expect(former.read_text() == "former", f"{words}: the former output is gone")
    tool(DECODE, f"--format=chain_svg:{link}", TRIPLE, out / "no.log", wanted=1)
    expect(link.is_symlink() and former.read_text() == decode("chain_svg", TRIPLE), "another output in a file")
    expect(former.stat().st_mode & 0o777 == 0o640, f"rights {former.stat().st_mode:o}")
    expect(sorted(path.name for path in out.iterdir()) == [former.name, link.name], f"{list(out.iterdir())}")
    shown, said = tool(DECODE, "--format=json:/dev/full", TRIPLE, wanted=1)
    expect("/dev/full: No space left on device" in said and not shown, said)
    shown, _ = tool(DECODE, "--format=json:/dev/fd/1", TRIPLE)
    expect(shown == decode("json", TRIPLE), "a pipe got something else")
    shown, _ = tool(DECODE, "--format=html", out / "no.log", wanted=1)
    expect(not shown, f"a report of nothing: {shown[:200]}")


# Another program's line as the guest has written it, and what a terminal is to get of it.
SHOWN = (
    (b"\x1b[31;1mred\x1b[0m\x1b[m\tand \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9e", None),
    (b"\x1b]0;title\x07\x1b[2J\x1b[6n\x1bc\x1b", b"^[]0;title^G^[[2J^[[6n^[c^["),
    (b"a\x00b\x08c\x7fd\re\x1b[1", b"a^@b^Hc^?d^Me^[[1"),
    (b"\x9b2J \xc2\x9b2J \xc1\x9b \xe0\x82\x9b \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82", b"\\x9b2J \\xc2\\x9b2J \\xc1\\x9b "
     b"\\xe0\\x82\\x9b \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe2\\x82"),
)  # fmt: skip


def on_terminal(*command):
    """What a program writes to a terminal."""
    ours, its = pty.openpty()
    said = b""
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=its) as program:
        os.close(its)
        # The end of a terminal is an error (EIO).
        try:
            while more := os.read(ours, 4096):
                said += more
        except OSError:
            pass
    os.close(ours)
    expect(program.returncode == 0, f"{command}: status {program.returncode}")
    return said.replace(b"\r\n", b"\n")


@on("svm")
def test_terminal(machine):
    """A guest's control bytes are shown to the operator's terminal, not sent; a file and a pipe get them as they are."""
    out = folder(machine, "terminal")
    path, copy = out / "hostile.log", out / "copy.txt"
    # The first line is of Trapline's, so that the status is 0.
    path.write_bytes(b"trapline: awake cpu=1\n" + b"".join(line + b"\n" for line, _ in SHOWN))
    wanted = b"".join((line if shown is None else shown) + b"\n" for line, shown in SHOWN)
    found = on_terminal(DECODE, "--color=never", path).split(b"\n", 1)[1]
    expect(found == wanted, f"the terminal gets {found}, not {wanted}")
    tool(DECODE, f"--format=text:{copy}", path)
    expect(copy.read_bytes() == path.read_bytes(), "a file has other bytes")
    expect(decode("text", path).encode("latin-1") == path.read_bytes(), "a pipe has other bytes")


@on("svm")
def test_second_trace(machine):
    """A folder with a trace in it is refused and stays as it is; any other folder takes one."""
    out = folder(machine, "second")
    (out / "notes").write_text("of the operator")
    tool(DECODE, f"--format=ctf:{out}", RECORDS)
    former = {path.name: path.read_bytes() for path in out.iterdir()}
    expect(set(former) == {"notes", "metadata", "cpu0", "cpu1"}, f"{set(former)}")
    for kept in ("cpu1", "metadata"):
        for name in set(former) - {kept, "notes"}:
            (out / name).unlink(missing_ok=True)
        (out / kept).write_bytes(former[kept])
        _, said = tool(DECODE, f"--format=ctf:{out}", RECORDS, wanted=1)
        expect("contains a trace" in said, said)
        expect({path.name for path in out.iterdir()} == {kept, "notes"}, f"{list(out.iterdir())}")


@on("svm")
def test_options(machine):
    """A folder of symbols that is missing is an error; a format's name counts before a file's suffix; a wrong name is refused."""
    out = folder(machine, "options")
    for option in ("--module", "--debug-dir"):
        shown, said = tool(DECODE, option, out / "nowhere", TRIPLE, wanted=3)
        expect(said == f"trapline-decode: {out}/nowhere: No such file or directory\n" and shown == decode("text", TRIPLE), said)
        tool(DECODE, option, out, TRIPLE)
    for words, name in ((f"json:{out}/a.txt", "a.txt"), (f"{out}/b:c.json", "b:c.json"), (f"{out}/d.json", "d.json")):
        tool(DECODE, "-o", words, TRIPLE)
        expect((out / name).read_text() == decode("json", TRIPLE), f"{words}: not JSON")
    for words in ("jsn:log.txt", "jsn:", "json:", "jsn:/tmp/log.txt", "log"):
        _, said = tool(DECODE, "-o", words, TRIPLE, wanted=2)
        expect("unknown format" in said, said)
    most = [f"--module={out}"] * 64
    expect(tool(DECODE, *most, "-s", "0", "-d", out, "-o", "json", TRIPLE)[0] == decode("json", TRIPLE), "64 folders change the output")
    _, said = tool(DECODE, *most, "-m", out, TRIPLE, wanted=2)
    expect("more than 64 of -m" in said, said)
