// The page: one explorer that fills it, over a WebSocket to the server that sent it.

import { mount } from "./explorer.js";
import { webSocketTransport } from "./transport.js";

const token = new URLSearchParams(location.search).get("token") ?? "";
const scheme = location.protocol === "https:" ? "wss" : "ws";
const address = `${scheme}://${location.host}/ws?token=${encodeURIComponent(token)}`;
mount(document.getElementById("explorer"), webSocketTransport(address), { permalinks: true });
