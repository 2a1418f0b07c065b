"""Minimal: a server on the same SDK that does nothing, to be measured beside `envoy-mcp`.

What it costs is the price of the protocol's library; what `envoy-mcp` costs more is ours.
"""

from __future__ import annotations

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

Context = ServerRequestContext[None]


async def list_tools(
    ctx: Context, params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    """Return one tool."""
    return types.ListToolsResult(tools=[types.Tool(name="a", input_schema={"type": "object"})])


async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    """Return next to nothing."""
    text = types.TextContent(type="text", text="a: 1")
    return types.CallToolResult(content=[text], structured_content={"a": 1})


async def serve() -> None:
    """Serve until the client hangs up."""
    server: Server[None] = Server("a", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(serve)
