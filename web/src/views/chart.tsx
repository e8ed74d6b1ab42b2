/** Price and volume over time, live; the same as words, and as a table for who cannot see it. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { ask } from '../api/client';
import type { Page, WireCandle, WireToken, WireTrade } from '../api/wire';
import { showPrice, showQuantity } from '../amounts/units';
import { isDark } from '../app/theme';
import { axisTime, dayAndTime } from '../app/times';
import { candleOf, INTERVALS, withCandles, withTrade, type Candle, type Interval } from '../feeds/candles';
import { useResource } from './resource';

const CANDLES = 300;
const TABLE_ROWS = 30;
const VOLUME_MS = 2_000;
/** Candles that may have changed in that time. */
const NEWEST = 3;
const HEIGHT = 260;
/** What a chart spans at least. */
const INTERVALS_MIN = 30;

interface ChartProps {
  eventId: number;
  marketId: number;
  token: WireToken;
  trades: readonly WireTrade[];
  began: number;
}

export function Chart({ eventId, marketId, token, trades, began }: ChartProps) {
  const [interval, setInterval] = useState<Interval>('1m');
  const [candles, setCandles] = useState<readonly Candle[]>([]);
  const shown = useRef(interval);
  shown.current = interval;
  const intervalMs = INTERVALS[interval];
  const newest = trades[0];

  const read = (limit: number, signal?: AbortSignal) =>
    ask<Page<WireCandle>>('GET', '/candles', {
      query: { event_id: eventId, market_id: marketId, token_id: token.token_id, interval, limit },
      signal,
    }).then((page) => page.items.map(candleOf));

  const found = useResource(`candles ${token.token_id} ${interval}`, (signal) => read(CANDLES, signal), 0, began);
  useEffect(() => setCandles([]), [interval]);
  useEffect(() => {
    if (found.data) setCandles(withCandles(found.data, []));
  }, [found.data]);
  const isRead = found.data !== null;

  // Prices come with the trades; volumes are read again a moment after a trade, once for all in that moment.
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (!newest || !isRead) return;
    setCandles((before) => withTrade(before, newest, token.token_id, intervalMs).slice(-CANDLES));
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      read(NEWEST)
        .then((newer) => {
          // Another interval may have been chosen meanwhile.
          if (shown.current === interval) setCandles((before) => withCandles(before, newer).slice(-CANDLES));
        })
        // The next trade asks again.
        .catch(() => undefined);
    }, VOLUME_MS);
  }, [newest?.trade_id, isRead, interval]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [interval],
  );

  return (
    <figure class="panel chart" aria-labelledby="chart-title">
      <div class="row between">
        <h2 id="chart-title">Price of {token.outcome}</h2>
        <div class="intervals" role="group" aria-label="Interval of the chart">
          {(Object.keys(INTERVALS) as Interval[]).map((one) => (
            <button
              key={one}
              type="button"
              class="small"
              aria-pressed={one === interval}
              onClick={() => setInterval(one)}
            >
              {one}
            </button>
          ))}
        </div>
      </div>
      {candles.length === 0 ? (
        <p class="empty chart-area">{isRead ? 'No trades yet.' : (found.error ?? 'Loading…')}</p>
      ) : (
        <Drawing candles={candles} intervalMs={intervalMs} label={summary(candles, token.outcome)} isDark={isDark.value} />
      )}
      <figcaption class="hint">{candles.length > 0 && summary(candles, token.outcome)}</figcaption>
      {candles.length > 0 && (
        <details>
          <summary>As a table</summary>
          <CandleTable candles={candles} />
        </details>
      )}
    </figure>
  );
}

function summary(candles: readonly Candle[], outcome: string): string {
  const last = candles.at(-1);
  const first = candles[0];
  if (!last || !first) return '';
  const high = candles.reduce((most, candle) => (candle.high > most ? candle.high : most), first.high);
  const low = candles.reduce((least, candle) => (candle.low < least ? candle.low : least), first.low);
  return `${outcome} at ${showPrice(last.close)}; from ${showPrice(first.open)} on ${dayAndTime(first.startMs)}, between ${showPrice(low)} and ${showPrice(high)}.`;
}

function CandleTable({ candles }: { candles: readonly Candle[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">Open</th>
          <th scope="col">High</th>
          <th scope="col">Low</th>
          <th scope="col">Close</th>
          <th scope="col">Shares</th>
        </tr>
      </thead>
      <tbody>
        {candles
          .slice(-TABLE_ROWS)
          .reverse()
          .map((candle) => (
            <tr key={candle.startMs}>
              <th scope="row">{dayAndTime(candle.startMs)}</th>
              <td>{showPrice(candle.open)}</td>
              <td>{showPrice(candle.high)}</td>
              <td>{showPrice(candle.low)}</td>
              <td>{showPrice(candle.close)}</td>
              <td>{showQuantity(candle.volume)}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

/** Pixels need numbers: nothing is reckoned with these. */
function pointsOf(candles: readonly Candle[], intervalMs: number): uPlot.AlignedData {
  const points: [number, bigint, bigint, bigint, bigint][] = [];
  candles.forEach(({ startMs, close, high, low, volume }, at) => {
    points.push([startMs, close, high, low, volume]);
    // The price stays where it was while nobody trades; the last step is as wide as the others.
    const endMs = startMs + intervalMs;
    if (candles[at + 1]?.startMs !== endMs) points.push([endMs, close, close, close, 0n]);
  });
  return [
    points.map(([startMs]) => startMs / 1000),
    points.map(([, close]) => Number(close) / 10_000),
    points.map(([, , high]) => Number(high) / 10_000),
    points.map(([, , , low]) => Number(low) / 10_000),
    points.map(([, , , , volume]) => Number(volume) / 100),
  ];
}

interface DrawingProps {
  candles: readonly Candle[];
  intervalMs: number;
  label: string;
  isDark: boolean;
}

function Drawing({ candles, intervalMs, label, isDark }: DrawingProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const points = useMemo(() => pointsOf(candles, intervalMs), [candles, intervalMs]);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    plot.current = new uPlot(optionsOf(element, intervalMs / 1000), points, element);
    const watching = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    watching.observe(element);
    return () => {
      watching.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [isDark, intervalMs]);
  useEffect(() => plot.current?.setData(points), [points]);
  return <div class="chart-area" ref={place} role="img" aria-label={`Chart. ${label}`} />;
}

function optionsOf(element: HTMLElement, intervalS: number): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis = {
    stroke: colour('--ink-soft'),
    font,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    padding: [12, 0, 0, 0],
    scales: {
      x: { range: (_, low, high) => [Math.min(low, high - INTERVALS_MIN * intervalS), high] },
      price: { range: (_, low, high) => priceRange(low, high) },
      volume: { range: (_, __, high) => [0, Math.max(high, 0.01) * 4] },
    },
    axes: [
      { ...axis, space: 70, size: 30, values: (_, splits, __, ___, step) => splits.map((split) => axisTime(split, step)) },
      {
        ...axis,
        scale: 'price',
        side: 1,
        size: 58,
        values: (_, ticks) => ticks.map((tick) => tick.toFixed(tick >= 0.1 ? 3 : 4)),
      },
    ],
    // Between the highest and the lowest price of each interval.
    bands: [{ series: [2, 3], fill: colour('--accent-band') }],
    series: [
      {},
      {
        scale: 'price',
        stroke: colour('--accent'),
        width: 2,
        paths: uPlot.paths.stepped?.({ align: 1 }),
        points: { show: false },
      },
      { scale: 'price', paths: uPlot.paths.stepped?.({ align: 1 }), points: { show: false } },
      { scale: 'price', paths: uPlot.paths.stepped?.({ align: 1 }), points: { show: false } },
      {
        scale: 'volume',
        fill: colour('--volume'),
        stroke: colour('--volume'),
        width: 0,
        paths: uPlot.paths.bars?.({ size: [0.7, 24], align: 1 }),
        points: { show: false },
      },
    ],
  };
}

function priceRange(low: number, high: number): [number, number] {
  const room = Math.max((high - low) * 0.15, 0.005);
  return [Math.max(0, low - room), Math.min(1, high + room)];
}
