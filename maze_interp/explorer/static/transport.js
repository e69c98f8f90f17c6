// The WebSocket to the server. Another transport (the notebook's) has the same three members.

const RETRY = 1000; // milliseconds

/**
 * A transport: `send(message)`, `close()`, and `listen({opened, closed, received})`, called once.
 *
 * A connection that breaks is made again; `opened` is called each time.
 */
export function webSocketTransport(address) {
  let socket = null;
  let ended = false;
  const connect = (listener) => {
    socket = new WebSocket(address);
    socket.onopen = () => listener.opened();
    socket.onmessage = (event) => listener.received(JSON.parse(event.data));
    socket.onclose = () => {
      if (ended) return;
      listener.closed();
      setTimeout(() => connect(listener), RETRY);
    };
  };
  return {
    listen: connect,
    send: (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    close: () => {
      ended = true;
      socket.close();
    },
  };
}
