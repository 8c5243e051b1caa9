"""The table of medians, and each ratio beside what is aimed at."""

NAMES = ["portolan", "distribution", "distribution basic", "nginx", "nginx buffers"]
UNITS = {
    "manifest GET": "req/s", "manifest GET, p99": "ms", "manifest HEAD": "req/s", "manifest HEAD, p99": "ms",
    "manifest GET, Basic": "req/s", "manifest GET, token again": "req/s", "blob GET 10 KiB": "req/s",
    "blob GET 1 GiB, 1 stream": "MB/s", "blob GET 1 GiB, 1 stream, CPU": "s/GiB",
    "blob GET 1 GiB, 8 streams": "MB/s", "blob GET 1 GiB, 8 streams, CPU": "s/GiB",
    "blob push 1 GiB": "MB/s", "blob push 1 GiB, CPU": "s/GiB", "200 images by 8 workers": "images/s",
    "tags page of 10,000": "ms", "catalog page of 1,000": "ms",
    "pulls, p99": "ms", "pulls beside 100 logins, p99": "ms", "pulls beside 100 logins": "req/s", "100 logins beside pulls, seconds": "s",
    "check of 10,000 files": "s", "full reload of 10,000 files": "ms", "10,000 files read again, none changed": "ms",
    "one changed file of 10,000": "ms", "one changed file of 10,000, slowest": "ms",
    "pulls in the large tree, p99": "ms", "pulls beside full reloads, p99": "ms",
    "pulls in the large tree": "req/s", "pulls beside full reloads": "req/s", "reloads during pulls": "",
    "decision, pull": "ns", "decision, push": "ns", "decision, sign-in": "ns",
    "10,000 repositories, start": "ms", "10,000 repositories, memory": "MiB", "10,000 repositories, memory at the end": "MiB",
    "memory idle": "MiB", "memory peak": "MiB", "memory after all": "MiB", "start to first answer": "ms",
}
P, D, N = "portolan", "distribution", "nginx"
#: what, (row, server), (row, server) or None for an absolute number, whether more is better, the aim
AIMS = [
    ("manifest GET, of nginx", ("manifest GET", P), ("manifest GET", N), True, 0.5),
    ("manifest GET, of Distribution", ("manifest GET", P), ("manifest GET", D), True, 2),
    ("manifest GET p99, of Distribution's", ("manifest GET, p99", P), ("manifest GET, p99", D), False, 0.5),
    ("manifest HEAD, of nginx", ("manifest HEAD", P), ("manifest HEAD", N), True, 0.5),
    ("manifest HEAD, of Distribution", ("manifest HEAD", P), ("manifest HEAD", D), True, 2),
    ("manifest HEAD p99, of Distribution's", ("manifest HEAD, p99", P), ("manifest HEAD, p99", D), False, 0.5),
    ("manifest GET with Basic, of ours with a token", ("manifest GET, Basic", P), ("manifest GET, token again", P), True, 0.9),
    ("blob GET 10 KiB, of nginx", ("blob GET 10 KiB", P), ("blob GET 10 KiB", N), True, 0.4),
    ("blob GET 10 KiB, of Distribution", ("blob GET 10 KiB", P), ("blob GET 10 KiB", D), True, 20),
    ("blob GET 1 GiB, of Distribution", ("blob GET 1 GiB, 1 stream", P), ("blob GET 1 GiB, 1 stream", D), True, 1),
    ("blob GET 1 GiB, CPU seconds", ("blob GET 1 GiB, 1 stream, CPU", P), None, False, 0.5),
    ("blob GET 1 GiB in 8 streams, of Distribution", ("blob GET 1 GiB, 8 streams", P), ("blob GET 1 GiB, 8 streams", D), True, 1),
    ("blob push 1 GiB, of Distribution", ("blob push 1 GiB", P), ("blob push 1 GiB", D), True, 1.8),
    ("blob push 1 GiB CPU, of Distribution's", ("blob push 1 GiB, CPU", P), ("blob push 1 GiB, CPU", D), False, 0.5),
    ("200 images by 8 workers, a second", ("200 images by 8 workers", P), None, True, 110),
    ("tags page, of Distribution's time", ("tags page of 10,000", P), ("tags page of 10,000", D), False, 0.5),
    ("catalog page, of Distribution's time", ("catalog page of 1,000", P), ("catalog page of 1,000", D), False, 0.5),
    ("memory idle, of Distribution's", ("memory idle", P), ("memory idle", D), False, 1),
    ("memory peak, of Distribution's", ("memory peak", P), ("memory peak", D), False, 1),
    ("check of 10,000 files, s", ("check of 10,000 files", P), None, False, 1),
    ("one changed file of 10,000, ms", ("one changed file of 10,000", P), None, False, 50),
    ("full reload of 10,000 files, ms", ("full reload of 10,000 files", P), None, False, 500),
    ("pulls' p99 beside full reloads, of that without", ("pulls beside full reloads, p99", P), ("pulls in the large tree, p99", P), False, 2),
    ("decision, pull, ns", ("decision, pull", P), None, False, 1000),
    ("start to first answer, ms", ("start to first answer", P), None, False, 15),
    ("pulls' p99 beside 100 logins, of that without", ("pulls beside 100 logins, p99", P), ("pulls, p99", P), False, 2),
]


def short(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def aims(bench):
    """What came out of each aim that could be measured."""
    found = []
    for what, ours, theirs, more_is_better, aim in AIMS:
        value = bench.median(*ours)
        base = bench.median(*theirs) if theirs else 1
        if value is None or not base:
            continue
        ratio = value / base
        is_met = ratio >= aim if more_is_better else ratio <= aim
        found.append({"what": what, "value": ratio, "aim": aim, "more_is_better": more_is_better, "met": is_met})
    return found


def table(bench):
    names = [name for name in NAMES if any(name in values for values in bench.values.values())]
    lines = ["| medians | " + " | ".join(names) + " | unit |", "| --- |" + " ---: |" * len(names) + " --- |"]
    for row in [row for row in UNITS if row in bench.values]:
        lines.append(f"| {row} | " + " | ".join(short(bench.median(row, name)) for name in names) + f" | {UNITS[row]} |")
    lines += ["", "| ratio | found | aim | met |", "| --- | ---: | ---: | --- |"]
    for aim in aims(bench):
        sign = "≥" if aim["more_is_better"] else "≤"
        lines.append(f"| {aim['what']} | {short(aim['value'])} | {sign} {aim['aim']} | {'yes' if aim['met'] else '**no**'} |")
    return "\n".join(lines)
