// The notebook widget: the explorer over the widget's own messages.

import { mount } from "./explorer.js";

function modelTransport(model) {
  let heard = null;
  return {
    listen: ({ opened, received }) => {
      heard = (message) => received(message);
      model.on("msg:custom", heard);
      opened();
    },
    send: (message) => model.send(message),
    close: () => model.off("msg:custom", heard),
  };
}

export default { render: ({ model, el }) => mount(el, modelTransport(model)) };
