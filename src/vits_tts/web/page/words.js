// All texts of the page, in Vietnamese and English; {name} is replaced by a value.

export const LANGUAGES = ["vi", "en"];

export const WORDS = {
  vi: {
    page: "Tiếng nói",
    skip: "Đến ô văn bản",
    other_language: "English",
    dark: "Tối",
    title: "Viết ra, nghe ngay.",
    subtitle: "Giọng nói vang lên ngay khi đang được tạo ra.",
    text: "Văn bản tiếng Việt",
    placeholder: "Viết tiếng Việt ở đây…",
    examples: "Ví dụ",
    example_numbers: "Con số",
    example_news: "Tin tức",
    example_poem: "Ca dao",
    count: "{count} / {limit} ký tự",
    voice: "Giọng",
    no_voices: "chưa có giọng nào",
    speaker: "Người nói",
    speed: "Tốc độ",
    format: "Định dạng tải về",
    licence: "Giấy phép của giọng: {licence}",
    key: "Khoá API",
    keep: "Giữ đến khi đóng thẻ này",
    key_hint: "Máy chủ này cần khoá. Khoá chỉ được gửi cho chính máy chủ.",
    speak: "Đọc",
    stop: "Dừng",
    keys_speak: "Ctrl + Enter để đọc",
    keys_stop: "Esc để dừng",
    retry: "Thử lại",
    sound: "Âm thanh",
    position: "Vị trí",
    position_value: "{now} trên {whole} giây",
    play: "Nghe lại",
    pause: "Tạm dừng",
    download: "Tải về",
    first_sound: "Âm đầu tiên sau",
    factor: "Hệ số thời gian thực",
    length: "Độ dài",
    reading: "Sẽ đọc là",
    written: "viết là {written}",
    code: "Dùng trong chương trình",
    docs: "Toàn bộ giao diện HTTP",
    copy: "Chép",
    copied: "Đã chép",
    not_copied: "Không chép được; hãy chọn và chép bằng tay.",
    waiting: "Đang chờ âm thanh…",
    speaking: "Đang đọc.",
    done: "Đã đọc xong, {seconds} giây.",
    stopped: "Đã dừng.",
    downloading: "Đang chuẩn bị tệp…",
    downloaded: "Đã tải về {name}.",
    milliseconds: "{value} ms",
    seconds: "{value} giây",
    errors: {
      text_missing: "Hãy viết điều bạn muốn nghe.",
      text_empty: "Hãy viết điều bạn muốn nghe.",
      text_unspeakable: "Văn bản này không có chữ hay số nào để đọc.",
      text_control_characters: "Văn bản có ký tự điều khiển không đọc được. Hãy xoá chúng rồi thử lại.",
      text_too_long: "Văn bản dài {count} ký tự, mỗi lần đọc được nhiều nhất {limit}. Hãy chia ra.",
      body_too_large: "Văn bản quá dài cho một lần đọc. Hãy chia ra.",
      voice_unknown: "Giọng này không còn trên máy chủ. Hãy chọn giọng khác.",
      speaker_unknown: "Giọng này không có người nói đó. Hãy chọn người khác.",
      key_missing: "Máy chủ cần khoá API. Hãy nhập khoá rồi thử lại.",
      key_invalid: "Máy chủ không biết khoá này. Hãy xem lại khoá.",
      rate_limited: "Bạn đã nghe nhiều trong một lúc. Hãy thử lại sau {seconds} giây.",
      busy: "Máy chủ đang bận. Hãy thử lại sau {seconds} giây.",
      not_ready: "Giọng còn đang được nạp. Hãy thử lại sau {seconds} giây.",
      unreachable: "Không tới được máy chủ. Hãy xem lại kết nối mạng.",
      interrupted: "Mất kết nối giữa chừng. Phần đã nhận vẫn nghe được.",
      no_sound: "Trình duyệt này không phát được âm thanh.",
      other: "Có lỗi ở máy chủ (mã {id}). Hãy thử lại sau.",
    },
  },
  en: {
    page: "Vietnamese speech",
    skip: "To the text",
    other_language: "Tiếng Việt",
    dark: "Dark",
    title: "Write it, hear it.",
    subtitle: "Vietnamese speech that starts while it is still being made.",
    text: "Vietnamese text",
    placeholder: "Write Vietnamese here…",
    examples: "Examples",
    example_numbers: "Numbers",
    example_news: "News",
    example_poem: "Folk verse",
    count: "{count} / {limit} characters",
    voice: "Voice",
    no_voices: "no voice yet",
    speaker: "Speaker",
    speed: "Speed",
    format: "Format to download",
    licence: "The voice’s licence: {licence}",
    key: "API key",
    keep: "Keep it until this tab is closed",
    key_hint: "This server wants a key. It is sent to this server and nowhere else.",
    speak: "Speak",
    stop: "Stop",
    keys_speak: "Ctrl + Enter speaks",
    keys_stop: "Esc stops",
    retry: "Try again",
    sound: "Sound",
    position: "Position",
    position_value: "{now} of {whole} seconds",
    play: "Play again",
    pause: "Pause",
    download: "Download",
    first_sound: "First sound after",
    factor: "Real-time factor",
    length: "Length",
    reading: "Will be read as",
    written: "written {written}",
    code: "Use it from a program",
    docs: "The whole HTTP interface",
    copy: "Copy",
    copied: "Copied",
    not_copied: "It could not be copied; select it and copy by hand.",
    waiting: "Waiting for sound…",
    speaking: "Speaking.",
    done: "Done, {seconds} seconds.",
    stopped: "Stopped.",
    downloading: "Preparing the file…",
    downloaded: "Downloaded {name}.",
    milliseconds: "{value} ms",
    seconds: "{value} s",
    errors: {
      text_missing: "Write what you would like to hear.",
      text_empty: "Write what you would like to hear.",
      text_unspeakable: "This text has no letter and no digit that could be read.",
      text_control_characters: "The text has control characters, which cannot be read. Remove them and try again.",
      text_too_long: "The text has {count} characters; at most {limit} are read at a time. Please split it.",
      body_too_large: "The text is too long to be read at once. Please split it.",
      voice_unknown: "The server no longer has this voice. Please choose another.",
      speaker_unknown: "This voice has no such speaker. Please choose another.",
      key_missing: "The server wants an API key. Enter it and try again.",
      key_invalid: "The server does not know this key. Please check it.",
      rate_limited: "That was a lot in a short time. Try again in {seconds} seconds.",
      busy: "The server is busy. Try again in {seconds} seconds.",
      not_ready: "The voice is still being loaded. Try again in {seconds} seconds.",
      unreachable: "The server cannot be reached. Please check your connection.",
      interrupted: "The connection was lost on the way. What arrived can still be heard.",
      no_sound: "This browser cannot play sound.",
      other: "Something went wrong in the server (id {id}). Please try again later.",
    },
  },
};

export class Words {
  constructor(language) {
    this.language = language;
  }

  // Return a text of the page; a name with a dot is in a group ("errors.busy").
  say(name, values = {}) {
    const found = name.split(".").reduce((group, part) => group?.[part], WORDS[this.language]);
    return found?.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  }

  number(value, digits = 0) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return new Intl.NumberFormat(this.language, options).format(value);
  }

  // Insert the texts into the elements that name them.
  show(document) {
    document.documentElement.lang = this.language;
    document.title = this.say("page");
    for (const element of document.querySelectorAll("[data-word]")) {
      element.textContent = this.say(element.dataset.word);
    }
    for (const element of document.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", this.say(element.dataset.label));
    }
  }
}
