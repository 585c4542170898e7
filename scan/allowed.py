"""What the scanners say that is no flaw, each with its reason. Keep it short."""

from scan.findings import Allowed

ALLOWED = (
    Allowed(
        kind="HTTP Methods",
        where=".*",
        what=r"Possible interesting methods \(using \w+\) on \S+: "
        r"((GET|HEAD|OPTIONS|POST) \(\d+\) ?)*",
        reason="A list, and no finding: pages answer GET, HEAD and OPTIONS, forms POST. "
        "Any other method that is answered counts.",
    ),
    Allowed(
        kind="SQL injection",
        where=".*",
        what=r".*: B, false positive or unexploitable",
        reason="sqlmap's own verdict: two pages differed, which pages with tokens, nonces and "
        "counted tries do, and its second look at the same parameter found no injection.",
    ),
)
