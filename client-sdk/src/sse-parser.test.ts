import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SseParser } from './sse-parser.ts';

const parse = (pieces: string[], lastEventId = '') => {
  const parser = new SseParser(lastEventId);
  return { events: pieces.flatMap((piece) => [...parser.push(piece)]), lastEventId: () => parser.lastEventId };
};

test('type, data and id are read, comments and unknown fields are not', () => {
  const { events } = parse([': hello\nevent: ping\ndata:\nretry: 5\n\nid: 7\ndata: one\ndata:two\n\n']);
  expect(events).toEqual([
    { type: 'ping', data: '', lastEventId: '' },
    { type: 'message', data: 'one\ntwo', lastEventId: '7' },
  ]);
});

test('an id counts for what follows, also one that comes without data; an unfinished event counts for nothing', () => {
  const { events, lastEventId } = parse(['id: 8\n\ndata: x\n\n', 'id: 9\ndata: cut']);
  expect(events).toEqual([{ type: 'message', data: 'x', lastEventId: '8' }]);
  expect(lastEventId()).toBe('8');
});

test('the id of an earlier connection holds until there is a newer one', () => {
  expect(parse(['data: x\n\n'], '41').events).toEqual([{ type: 'message', data: 'x', lastEventId: '41' }]);
});

test('however the text is cut, and whatever ends its lines, the events are the same', () => {
  const line = fc.stringMatching(/^[a-z :]{0,12}$/);
  const event = fc.record({ id: fc.nat().map(String), lines: fc.array(line, { minLength: 1, maxLength: 3 }) });
  fc.assert(
    fc.property(
      fc.array(event),
      fc.constantFrom('\n', '\r', '\r\n'),
      fc.array(fc.nat({ max: 400 })),
      (sent, eol, cuts) => {
        const text = sent
          .map(({ id, lines }) => [`id: ${id}`, ...lines.map((value) => `data: ${value}`), '', ''].join(eol))
          .join('');
        // The comment lets a parser know that the last carriage return is no half of a line break.
        const whole = `${text}:`;
        const places = [0, ...cuts.filter((cut) => cut < whole.length), whole.length].toSorted((a, b) => a - b);
        const pieces = places.slice(1).map((place, index) => whole.slice(places[index], place));
        expect(parse(pieces).events).toEqual(
          sent.map(({ id, lines }) => ({ type: 'message', data: lines.join('\n'), lastEventId: id })),
        );
      },
    ),
  );
});
