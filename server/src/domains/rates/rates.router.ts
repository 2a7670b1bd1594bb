import {
  rateConvertInput,
  rateConvertOut,
  rateIdInput,
  rateOut,
  rateSetInput,
  ratesImportInput,
  ratesImportOut,
  ratesInput,
  ratesOut,
} from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { LARGE_BODY_BYTES_MAX } from '../../trpc/limits.ts';
import { adminProcedure, authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['rates'] };
const IMPORT_HINT =
  'All of the file or nothing; what is there for the same day is replaced. ' +
  'A file goes in as text: `jq -Rs \'{format: "ecb", content: .}\' eurofxref-hist.xml | curl --json @- …`';

/** Exchange rates. */
export const ratesRouter = router({
  list: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/rates', summary: "One's own rates and those for all" } })
    .input(ratesInput)
    .output(ratesOut)
    .query(({ ctx, input }) => ctx.services.rates.list(ctx.caller.userId, input)),

  convert: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'GET',
        path: '/rates/convert',
        summary: 'An amount in another currency, with the rates that were used and their dates',
        description:
          'By the newest rate at or before the day, at most `max_age_days` older; entered either way round, or two of them over a third currency. ' +
          "Of one day one's own goes before one for all.",
      },
    })
    .input(rateConvertInput)
    .output(rateConvertOut)
    .query(({ ctx, input }) => ctx.services.rates.convert(ctx.caller.userId, input)),

  set: authedProcedure
    .meta({ route: { ...route, method: 'POST', path: '/rates', summary: 'Enter a rate of a day, or replace it' } })
    .input(rateSetInput)
    .output(rateOut)
    .mutation(({ ctx, input }) => ctx.services.rates.set(ctx.commit, { userId: ctx.caller.userId }, input)),

  import: authedProcedure
    .meta({
      rate: 'upload',
      bodyBytesMax: LARGE_BODY_BYTES_MAX,
      route: {
        ...route,
        method: 'POST',
        path: '/rates/import',
        summary: 'Import rates from CSV or from the XML of the ECB',
        description: IMPORT_HINT,
      },
    })
    .input(ratesImportInput)
    .output(ratesImportOut)
    .mutation(({ ctx, input }) => ctx.services.rates.import(ctx.commit, { userId: ctx.caller.userId }, input)),

  delete: authedProcedure
    .meta({ route: { ...route, method: 'DELETE', path: '/rates/{id}', summary: "Delete one of one's own rates" } })
    .input(rateIdInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.rates.remove(ctx.commit, { userId: ctx.caller.userId }, input.id);
      return {};
    }),

  setForAll: adminProcedure
    .meta({ route: { ...route, method: 'POST', path: '/rates/all', summary: 'Enter a rate for everybody' } })
    .input(rateSetInput)
    .output(rateOut)
    .mutation(({ ctx, input }) => ctx.services.rates.set(ctx.commit, 'all', input)),

  importForAll: adminProcedure
    .meta({
      rate: 'upload',
      bodyBytesMax: LARGE_BODY_BYTES_MAX,
      route: {
        ...route,
        method: 'POST',
        path: '/rates/all/import',
        summary: 'Import rates for everybody',
        description: IMPORT_HINT,
      },
    })
    .input(ratesImportInput)
    .output(ratesImportOut)
    .mutation(({ ctx, input }) => ctx.services.rates.import(ctx.commit, 'all', input)),

  deleteForAll: adminProcedure
    .meta({ route: { ...route, method: 'DELETE', path: '/rates/all/{id}', summary: 'Delete a rate for everybody' } })
    .input(rateIdInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.rates.remove(ctx.commit, 'all', input.id);
      return {};
    }),
});
