import { eventIterator } from '@orpc/server';
import { isTrackedEnvelope, tracked, type TrackedEnvelope } from '@trpc/server';
import type { z } from 'zod';

type StandardProps<Item> = {
  readonly version: 1;
  readonly vendor: string;
  readonly validate: (value: unknown) => { value: AsyncIterable<TrackedEnvelope<Item>> };
  readonly types?: {
    readonly input: AsyncIterable<TrackedEnvelope<Item>>;
    readonly output: AsyncIterable<TrackedEnvelope<Item>>;
  };
};

/**
 * Output schema of a subscription whose events carry ids: each event is checked by `schema` as it passes, and ends the stream with INTERNAL where it does
 * not fit. Carries what oRPC needs to document it as Server-Sent Events.
 *
 * @example publicProcedure.output(trackedEvents(syncLiveEvent)).subscription(async function* () { yield tracked('1', event); })
 */
export function trackedEvents<Schema extends z.ZodType>(
  schema: Schema,
): { readonly '~standard': StandardProps<z.output<Schema>> } {
  return {
    '~standard': {
      ...detailsOf(schema),
      version: 1,
      vendor: 'finverse',
      validate: (value) => ({ value: checkEach(value as AsyncIterable<unknown>, schema) }),
    },
  };
}

/** What oRPC's OpenAPI generator reads. It hangs on a symbol that oRPC does not export. */
function detailsOf(schema: z.ZodType): object {
  const { types: _types, ...details } = eventIterator(schema)['~standard'];
  return details;
}

async function* checkEach<Schema extends z.ZodType>(
  source: AsyncIterable<unknown>,
  schema: Schema,
): AsyncGenerator<TrackedEnvelope<z.output<Schema>>, void> {
  for await (const event of source) {
    if (!isTrackedEnvelope(event)) throw new Error('an event of this subscription has no id');
    yield tracked(event[0], schema.parse(event[1]));
  }
}
