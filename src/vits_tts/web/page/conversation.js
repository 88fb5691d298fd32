// An answer that is spoken while it is being written, as a language model writes, and that can be
// interrupted. It uses the WebSocket for voice agents.

import { Problem } from "./service.js";

const WORDS_A_SECOND = 12;
const CONTEXT = "answer";
const BUSY = 1013; // the close code of a server that has no room
const RATES = [8000, 16000, 22050, 24000, 44100, 48000];

export const ANSWER =
  "Dạ, em kiểm tra giúp anh ngay đây. Đơn hàng số 4582 đã rời kho lúc 9h30 sáng nay, dự kiến giao " +
  "trước 17h ngày mai. Nếu anh đi vắng, bên em có thể giữ hàng thêm 3 ngày, hoặc đổi sang địa chỉ " +
  "khác, phí chỉ 15.000đ. Anh có muốn em nhắn tin cho anh trước khi giao khoảng 30 phút không ạ?";

// Return the sample rate for a voice: its own if the socket has it.
export const rateOf = (sampleRate) => (RATES.includes(sampleRate) ? sampleRate : 24000);

// Yield the sample rate, then samples (Int16Array) as they arrive.
//
// `written` is called with the text so far. If the signal is aborted, the speech is cancelled. The
// reason has `playedMs`, the milliseconds of sound that were heard, and `heard` is called with the
// number of characters that were complete in them.
export async function* conversation(address, { speed, sampleRate }, signal, { written, heard }) {
  const socket = new WebSocket(address);
  const arrived = [];
  let wake = () => {};
  const tell = (item) => {
    arrived.push(item);
    wake();
  };
  const send = (message) => socket.send(JSON.stringify({ context_id: CONTEXT, ...message }));
  const interrupt = () => {
    if (socket.readyState === WebSocket.OPEN) send({ cancel: true, played_ms: signal.reason.playedMs });
    else socket.close();
    tell(signal.reason);
  };
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.error) tell(new Problem(message.error, { retryAfter: message.retry_after }));
    else if (message.audio && !signal.aborted) tell(decoded(message.audio));
    if (!message.isFinal) return;
    if (message.heard) heard(message.heard.characters);
    tell(null);
    socket.close();
  });
  socket.addEventListener("close", ({ code }) => {
    tell(new Problem(code === BUSY ? "busy" : "interrupted"));
  });
  signal.addEventListener("abort", interrupt);
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Problem("unreachable")));
    });
    signal.throwIfAborted();
    yield sampleRate;
    write(send, speed, signal, written);
    for (;;) {
      while (!arrived.length) await new Promise((resolve) => (wake = resolve));
      const item = arrived.shift();
      if (item === null) return;
      if (!(item instanceof Int16Array)) throw item;
      yield item;
    }
  } finally {
    signal.removeEventListener("abort", interrupt);
    if (!signal.aborted) socket.close(); // else it waits for the answer to the interruption
  }
}

// Write the answer word by word.
async function write(send, speed, signal, written) {
  const words = ANSWER.match(/\S+\s*/g);
  for (const [index, word] of words.entries()) {
    if (signal.aborted) return;
    send({ text: word, ...(!index && { voice_settings: { speed } }) });
    written(words.slice(0, index + 1).join(""));
    await new Promise((resolve) => setTimeout(resolve, 1000 / WORDS_A_SECOND));
  }
  if (!signal.aborted) send({ flush: true, close_context: true });
}

// Return the samples of base64.
function decoded(audio) {
  const bytes = Uint8Array.from(atob(audio), (letter) => letter.charCodeAt(0));
  return new Int16Array(bytes.buffer);
}
