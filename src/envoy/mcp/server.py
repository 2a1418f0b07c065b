"""Server: the one door to the official SDK: stdio, both eras of the protocol, one client.

The SDK speaks; this module turns its calls into those of `tools`, `resources` and the table. The
core is synchronous and belongs to one thread: calls stand in its queue, and what waits for an event
waits outside of it, woken by commits of any process of the machine.

Laws: stdout is the protocol's; a client that does not read is not read from; a call that is given
up leaves nothing behind but what it had committed. No member's text is in a list, a name, an error.

Specification: docs/spec/mcp.md.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from threading import Event, Thread
from typing import Protocol, TypeVar

import anyio
import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.session import ServerSession
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage

import envoy
from envoy import limits
from envoy.errors import EnvoyError
from envoy.mcp import pacing, resources, table, tools
from envoy.mcp.session import Bounds, Session
from envoy.wiring import attending
from envoy.wiring.config import Config

A = TypeVar("A")
NAME = "envoy"
MIME = "text/plain"
EXIT_SIGNAL = 128  # of a process that a signal ended, as shells have it
GARBAGE_MIN = 20_000  # objects between two looks for cycles
# After a wake: the kernel tells when pages are written, they count once the disk has them.
SETTLE_S = (0.0, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256)
Context = ServerRequestContext[None]


class Watching(Protocol):
    """What notices commits (``system.watch.Watcher``)."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for a change; say whether there was one."""

    def close(self) -> None:
        """Stop."""


class Core:
    """The thread that everything about the profile runs on, and how many calls stand before it."""

    def __init__(self, config: Config, bounds: Bounds) -> None:
        self.session = Session(config, bounds)
        self.queued = 0
        self._thread = ThreadPoolExecutor(1, "envoy-core")

    async def run(self, work: Callable[[], A]) -> A:
        """Return what ``work`` returns. A caller that gives up takes it out of the queue."""
        self.queued += 1
        try:
            return await asyncio.wrap_future(self._thread.submit(work))
        finally:
            self.queued -= 1

    def close(self) -> None:
        """Let what runs finish, drop what is queued, and close the profile."""
        self._thread.submit(self.session.__exit__, None, None, None)
        self._thread.shutdown(wait=True)


class Bell:
    """Tells those who wait that something was committed; rings from the first wait on."""

    def __init__(self, watch: Callable[[], Watching]) -> None:
        self._watch = watch
        self._ended = Event()
        self._thread: Thread | None = None
        self._rung = asyncio.Event()

    def begin(self) -> None:
        """Begin to listen. Raises EnvoyError where there is nothing to listen to."""
        if self._thread is None:
            watcher, loop = self._watch(), asyncio.get_running_loop()
            self._thread = Thread(target=self._listen, args=(watcher, loop), daemon=True)
            self._thread.start()

    def _listen(self, watcher: Watching, loop: asyncio.AbstractEventLoop) -> None:
        """Ring for each change until the loop is gone."""
        while not self._ended.is_set():
            if watcher.wait(limits.WAIT_LOOK_SECONDS):
                with suppress(RuntimeError):  # the loop was closed
                    loop.call_soon_threadsafe(self._ring)
        watcher.close()

    def _ring(self) -> None:
        """Wake all who wait now."""
        self._rung.set()
        self._rung = asyncio.Event()

    def end(self) -> None:
        """Stop listening."""
        self._ended.set()

    async def heard(self, seconds: float) -> bool:
        """Wait until it rings, at most ``seconds``; say if it did."""
        rung = self._rung
        with anyio.move_on_after(max(seconds, 0)):
            await rung.wait()
        return rung.is_set()


class Subscriptions:
    """Which resources the client wants to hear about, in either era."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self.bus, max_subscriptions=limits.MCP_STREAMS_MAX)
        self._uris: dict[str, int] = {}
        self.legacy: dict[str, ServerSession] = {}
        self.added = asyncio.Event()

    @property
    def wanted(self) -> list[str]:
        """Return the URIs that somebody wants to hear about."""
        return [*dict.fromkeys((*self._uris, *self.legacy))]

    def check(self, count: int) -> None:
        """Refuse more than a client can mean."""
        if len(self.wanted) + count > limits.MCP_SUBSCRIPTIONS_MAX:
            raise MCPError(types.INVALID_PARAMS, "too many subscriptions")

    async def subscribe(
        self, ctx: Context, params: types.SubscribeRequestParams
    ) -> types.EmptyResult:
        """Note a subscription of the older eras."""
        self.check(1)
        self.legacy[str(params.uri)] = ctx.session
        self.added.set()
        return types.EmptyResult()

    async def unsubscribe(
        self, ctx: Context, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        """Forget a subscription of the older eras."""
        self.legacy.pop(str(params.uri), None)
        return types.EmptyResult()

    async def listen(
        self, ctx: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Serve one stream of subscriptions of 2026-07-28."""
        uris = [str(one) for one in params.notifications.resource_subscriptions or ()]
        self.check(len(uris))
        for uri in uris:
            self._uris[uri] = self._uris.get(uri, 0) + 1
        self.added.set()
        try:
            return await self._listen(ctx, params)
        finally:
            for uri in uris:
                self._uris[uri] -= 1
                if not self._uris[uri]:
                    del self._uris[uri]

    async def tell(self, uri: str) -> None:
        """Tell the client that a resource may have changed."""
        if uri in self.legacy:
            await self.legacy[uri].send_resource_updated(uri)
        if uri in self._uris:
            await self.bus.publish(ResourceUpdated(uri=uri))


class Face:
    """What the SDK calls."""

    def __init__(self, core: Core, bell: Bell) -> None:
        self.core = core
        self.bell = bell
        self.subscriptions = Subscriptions()

    # -- tools --------------------------------------------------------------------------------

    async def list_tools(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """Return the table, the same for everybody who may write."""
        read_only = self.core.session.bounds.read_only
        found = [types.Tool.model_validate(one) for one in table.listed(read_only=read_only)]
        return types.ListToolsResult(tools=found)

    async def call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """Do what a call asks for. An unknown name is no call."""
        if params.name not in table.BY_NAME:
            raise MCPError(types.INVALID_PARAMS, "no such tool; the list is `tools/list`")
        done = await self._answer(ctx, params.name, params.arguments or {})
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=done.text)],
            structured_content=done.data,
            is_error=done.is_error,
        )

    async def _answer(self, ctx: Context, name: str, given: Mapping[str, object]) -> tools.Result:
        """Return the answer to a call; whatever goes wrong is one."""
        try:
            call = tools.prepared(self.core.session, name, given)
            return await self._awaited(ctx, call)
        except Exception as error:  # the outermost frame: a bug shows its kind alone
            if isinstance(error, EnvoyError) and error.code != "internal":
                return tools.failed(error)
            work = partial(tools.bug, self.core.session.config, error)
            return await anyio.to_thread.run_sync(work)

    async def _awaited(self, ctx: Context, call: tools.Call) -> tools.Result:
        """Look until there is something or the time of the call is over."""
        began = told = time.monotonic()
        end = began + call.wait_s
        pauses: Iterator[float] = iter(())
        if call.wait_s:
            self.bell.begin()
        while True:
            look = partial(tools.look, self.core.session, call, is_last=time.monotonic() >= end)
            done = await self.core.run(look)
            if done is not None:
                return done
            pause = next(pauses, None)
            left = end - time.monotonic()
            if pause is not None:
                await anyio.sleep(min(pause, max(left, 0)))
            elif await self.bell.heard(min(left, limits.WAIT_LOOK_SECONDS)):
                pauses = iter(SETTLE_S)
            if time.monotonic() - told >= limits.MCP_PROGRESS_SECONDS:
                told = time.monotonic()
                await ctx.session.report_progress(round(told - began), call.wait_s)

    # -- resources and prompts ------------------------------------------------------------------

    async def list_resources(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """Return two resources for each space; their names hold ids alone."""
        found = await self._asked(lambda: resources.listed(self.core.session))
        listed = [types.Resource(uri=uri, name=name, mime_type=MIME) for uri, name in found]
        return types.ListResourcesResult(resources=listed)

    async def list_templates(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """Return the forms of URIs."""
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(name=name, uri_template=uri, description=say, mime_type=MIME)
                for name, (uri, say) in resources.TEMPLATES.items()
            ]
        )

    async def read_resource(
        self, ctx: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Return a resource as text, its member texts between marks."""
        uri = str(params.uri)
        done = await self._asked(lambda: resources.read(self.core.session, uri))
        content = types.TextResourceContents(uri=uri, mime_type=MIME, text=done.text)
        return types.ReadResourceResult(contents=[content])

    async def list_prompts(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """Return the prompts."""
        return types.ListPromptsResult(
            prompts=[
                types.Prompt(
                    name=name,
                    description=one.say,
                    arguments=[types.PromptArgument(name=arg) for arg in one.args],
                )
                for name, one in resources.PROMPTS.items()
            ]
        )

    async def get_prompt(
        self, ctx: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        """Return a prompt; its arguments are ids or plain names."""
        if params.name not in resources.PROMPTS:
            raise MCPError(types.INVALID_PARAMS, "no such prompt; the list is `prompts/list`")
        text = await self._asked(lambda: resources.prompt(params.name, params.arguments or {}))
        content = types.TextContent(type="text", text=text)
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])

    async def _asked(self, work: Callable[[], A]) -> A:
        """Return what ``work`` returns; its error becomes one of the protocol."""
        try:
            return await self.core.run(work)
        except EnvoyError as error:
            code = types.INVALID_PARAMS if error.exit in (2, 3) else types.INTERNAL_ERROR
            raise MCPError(code, error.sentence, tools.failed(error).data) from error

    # -- beside the calls -------------------------------------------------------------------------

    async def tell_changes(self) -> None:
        """Tell who subscribed when something of the space of a resource was committed."""
        await self.subscriptions.added.wait()
        session, before = self.core.session, dict[bytes, int]()
        with suppress(EnvoyError):
            before = await self.core.run(lambda: resources.newest(session))
            self.bell.begin()
        while True:
            await self.bell.heard(limits.WAIT_LOOK_SECONDS)
            with suppress(EnvoyError):
                now = await self.core.run(lambda: resources.newest(session))
                changed = {one for one, count in now.items() if before.get(one) != count}
                before = now
                await self._tell(changed)

    async def _tell(self, changed: set[bytes]) -> None:
        """Tell of each wanted resource that lies in one of the ``changed`` spaces."""
        for uri in self.subscriptions.wanted if changed else ():
            space = await self.core.run(partial(resources.head, self.core.session, uri))
            if space in changed:
                await self.subscriptions.tell(uri)

    async def attend(self) -> None:
        """Exchange with relays now and then, while no call stands in the queue."""
        session, pause = self.core.session, limits.FRESH_SECONDS
        while True:
            await anyio.sleep(pause)
            with suppress(EnvoyError):
                went = await self.core.run(lambda: _turn(session, lambda: self.core.queued <= 1))
                pause = (
                    limits.FRESH_SECONDS if went else min(pause * 2, limits.MCP_ATTEND_SECONDS_MAX)
                )


def _turn(session: Session, go: Callable[[], bool]) -> bool:
    """Exchange what waits, if anything does; say whether that went well."""
    with session.reading() as reader:
        wanted = attending.wants_turn(reader.spaces)
    return not wanted or attending.take_turn(session.config, wanted, go)


# -- serving ----------------------------------------------------------------------------------


def make(face: Face) -> Server[None]:
    """Return the server of the SDK with everything that it may be asked."""

    @asynccontextmanager
    async def lifespan(_: Server[None]) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(face.tell_changes)
            group.start_soon(face.attend)
            yield
            group.cancel_scope.cancel()

    fixed = CacheHint(ttl_ms=limits.MCP_LIST_TTL_MS, scope="public")
    private = CacheHint(ttl_ms=limits.MCP_TTL_MS, scope="private")
    return Server(
        NAME,
        version=envoy.__version__,
        instructions=table.INSTRUCTIONS,
        lifespan=lifespan,
        cache_hints={
            "tools/list": fixed,
            "prompts/list": fixed,
            "resources/templates/list": fixed,
            "resources/list": private,
            "resources/read": private,
        },
        on_list_tools=face.list_tools,
        on_call_tool=face.call_tool,
        on_list_resources=face.list_resources,
        on_list_resource_templates=face.list_templates,
        on_read_resource=face.read_resource,
        on_subscribe_resource=face.subscriptions.subscribe,
        on_unsubscribe_resource=face.subscriptions.unsubscribe,
        on_subscriptions_listen=face.subscriptions.listen,
        on_list_prompts=face.list_prompts,
        on_get_prompt=face.get_prompt,
    )


def leave(core: Core, number: int) -> None:
    """End the process as the signal ``number`` asks: end the session, and wait for no input.

    The SDK reads stdin in a thread that ends with the input alone, so an interrupted server would
    stand there until the client is gone.
    """
    core.close()
    os._exit(EXIT_SIGNAL + number)


async def serve(config: Config, bounds: Bounds) -> None:
    """Serve the client at stdin and stdout until it hangs up."""
    with ExitStack() as stack:
        core = Core(config, bounds)
        stack.callback(core.close)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, leave, core, number)
        bell = Bell(lambda: attending.watch(config))
        stack.callback(bell.end)
        server = make(Face(core, bell))
        # What was loaded stays, and an answer makes thousands of objects that are no cycles.
        gc.freeze()
        gc.set_threshold(GARBAGE_MIN)
        async with (
            stdio_server() as (stdin, stdout),
            pacing.paced(stdin, stdout, SessionMessage) as (read, write),
        ):
            await server.run(read, write, server.create_initialization_options())


def run(config: Config, bounds: Bounds) -> None:
    """Serve until the client hangs up."""
    anyio.run(serve, config, bounds)
