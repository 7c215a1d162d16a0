"""`matcher cluster`: machines that search together."""

import rich_click as click

from matcher.cli.common import Call, leaf

_LOCAL = "ray://127.0.0.1:6379"


@click.group("cluster")
def command() -> None:
    """Start, show and stop this machine's part in a cluster that searches lists. Needs the extra `cluster`.

    With MATCHER_INDEX=ray://HOST:PORT?shards=N lists are divided among N shards there; answers are the same to the bit,
    or an error (exit code 5). See docs/scale.md.

    Example: `matcher cluster start`
    """


@command.command("start")
@click.option("--at", default=_LOCAL, show_default=True, help="The head's address: ray://HOST:PORT.")
@click.option("--join", "own", metavar="ADDRESS", help="Join the head at --at, as this machine's own address.")
@click.option("--shards", type=click.IntRange(0, 1_024), default=8, show_default=True, help="It holds at most so many.")
@leaf
def start(call: Call, at: str, own: str | None, shards: int) -> None:
    """Start a node: the head of a cluster, or one that joins it.

    A token is always needed; a head on a loopback or private address makes one where there is none. Dashboard and usage
    statistics are off. Every node must see the home's folder `sealed` under the same path.

    Example: `matcher cluster start --shards 3`
    """
    from matcher.bootstrap import cluster_folder, start_node
    from matcher.domain.shards import ClusterAddress
    from matcher.services.cluster_node import Wanted

    head = ClusterAddress.parse(at)
    own_address = None if own is None else ClusterAddress.parse(f"ray://{own}:1").host
    node = start_node(Wanted(head, own_address, shards))
    facts = {"pid": node.pid, "address": node.address, "shards": node.shards, "token": str(cluster_folder() / "token")}
    said = f"A node runs (process {node.pid}), head {node.address}; it would hold {node.shards} shards."
    if head.reach != "loopback":
        said += "\nRay listens on every address of this machine, behind the token: put a firewall before it."
    call.output.result(facts, said)


@command.command("status")
@click.option("--at", help="The head's address; else MATCHER_INDEX, else of the node that runs here.")
@leaf
def status(call: Call, at: str | None) -> None:
    """Show this machine's node and the machines of the cluster. Exit code 5: no cluster answers.

    Example: `matcher cluster status`
    """
    from matcher.bootstrap import cluster_folder, describe_cluster
    from matcher.domain.shards import ClusterAddress
    from matcher.services.cluster_node import running

    here = running(cluster_folder())
    named = at or call.settings.index or (_LOCAL if here is None else f"ray://{here.address}")
    address = ClusterAddress.parse(named)
    nodes = describe_cluster(address)
    lines = [f"head {address.endpoint}; " + ("no node was started here" if here is None else f"here: {here.pid}")]
    lines += [f"{one.address}  {'alive' if one.alive else 'gone '}  shards {one.shards}" for one in nodes]
    told = [{"address": one.address, "alive": one.alive, "shards": one.shards} for one in nodes]
    call.output.result(
        {"head": address.endpoint, "here": None if here is None else here.pid, "nodes": told}, "\n".join(lines)
    )


@command.command("stop")
@leaf
def stop(call: Call) -> None:
    """Stop the node that was started here, and no other Ray.

    Example: `matcher cluster stop`
    """
    from matcher.bootstrap import cluster_folder
    from matcher.services.cluster_node import stop as end

    node = end(cluster_folder())
    said = "No node was started here." if node is None else f"The node (process {node.pid}) has ended."
    call.output.result({"stopped": None if node is None else node.pid}, said)
