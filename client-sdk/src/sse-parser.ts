/** One Server-Sent Event. `lastEventId` is the newest id of the stream so far, whether this event brought it or not. */
export type StreamEvent = { type: string; data: string; lastEventId: string };

const LINE = /([^\r\n]*)(\r\n|\n|\r)/y;

/**
 * Reads Server-Sent Events out of text that arrives in arbitrary pieces.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class SseParser {
  lastEventId: string;
  #rest = '';
  #type = '';
  #data: string[] = [];
  #id: string;

  /** `lastEventId` is what an earlier connection of the same stream ended with. */
  constructor(lastEventId: string) {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /** The events that this piece completes. */
  *push(piece: string): Generator<StreamEvent, void> {
    const text = this.#rest + piece;
    let end = 0;
    LINE.lastIndex = 0;
    for (let match = LINE.exec(text); match; match = LINE.exec(text)) {
      // A carriage return at the very end may be the first half of a line break.
      if (match[2] === '\r' && LINE.lastIndex === text.length) break;
      end = LINE.lastIndex;
      const event = this.#takeLine(match[1] ?? '');
      if (event) yield event;
      LINE.lastIndex = end;
    }
    this.#rest = text.slice(end);
  }

  #takeLine(line: string): StreamEvent | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') this.#type = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  /** An id counts from here on even where the event has no data and is dropped. */
  #dispatch(): StreamEvent | null {
    const type = this.#type || 'message';
    const data = this.#data;
    this.lastEventId = this.#id;
    this.#type = '';
    this.#data = [];
    return data.length === 0 ? null : { type, data: data.join('\n'), lastEventId: this.lastEventId };
  }
}
