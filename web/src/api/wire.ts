/** What the exchange says, as it says it: decimals are text. */

export type Side = 'buy' | 'sell';
export type TimeInForce = 'gtc' | 'gtd' | 'ioc' | 'fok';
export type MarketState = 'open' | 'paused' | 'closed' | 'resolved' | 'void';
export type Scope = 'read' | 'trade' | 'admin';

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface WireToken {
  token_id: string;
  outcome: string;
  best_bid: string | null;
  best_ask: string | null;
  last_price: string | null;
  payout: string | null;
}

export interface WireFees {
  kind: 'linear' | 'quadratic';
  maker_ppm: number;
  taker_ppm: number;
}

export interface WireMarket {
  market_id: number;
  state: MarketState;
  removing: boolean;
  tick_size: number;
  fees: WireFees | null;
  tokens: WireToken[];
}

export interface WireEvent {
  event_id: number;
  end_date: string | null;
  exclusive: boolean;
  removing: boolean;
  markets: Record<string, WireMarket>;
  volume_24h?: string;
  title?: string | null;
  slug?: string | null;
  topic?: { topic: string; name: string } | null;
  image_url?: string | null;
  /** In one event alone. */
  description?: string;
}

export interface WireTopic {
  topic: string;
  name: string;
  active: boolean;
}

export interface WireLevel {
  price: string;
  total_quantity: string;
  total_size: string;
}

export interface TokenLevels {
  latest_trade_price: string | null;
  bids: WireLevel[];
  asks: WireLevel[];
}

export interface WireTrade {
  trade_id: number;
  event_id: number;
  market_id: number;
  token_id: string;
  side: Side;
  price: string;
  quantity: string;
  match_type: 'normal' | 'mint' | 'merge';
  timestamp: number;
}

export interface DepthSnapshot {
  type: 'snapshot';
  event_id: number;
  market_id: number;
  update_id: number;
  timestamp: number;
  depths: Record<string, TokenLevels>;
}

export interface DepthDelta {
  type: 'delta';
  event_id: number;
  market_id: number;
  prev_update_id: number;
  update_id: number;
  timestamp: number;
  changes: Record<string, TokenLevels>;
  trades?: WireTrade[];
}

export interface WireOrder {
  id: string;
  client_order_id: string | null;
  event_id: number;
  market_id: number;
  token_id: string;
  side: Side;
  type: 'limit' | 'market';
  time_in_force: TimeInForce;
  post_only: boolean;
  status: 'new' | 'partially_filled' | 'filled' | 'cancelled' | 'rejected';
  price: string;
  quantity: string;
  filled_quantity: string;
  remaining_quantity: string;
  timestamp: number;
  version: number;
  average_price?: string | null;
  volume?: string;
  spent?: string;
  expires_at_ms?: number;
}

export interface PlacedOrder {
  order: WireOrder;
  trades: WireTrade[];
}

export interface NewOrder {
  client_order_id: string;
  event_id: number;
  market_id: number;
  token_id: string;
  side: Side;
  type: 'limit' | 'market';
  price?: string;
  quantity?: string;
  volume?: string;
  time_in_force?: TimeInForce;
  expires_at_ms?: number;
  post_only?: boolean;
}

export interface WireCandle {
  start_ms: number;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
  turnover: string;
  trades: number;
}

export interface WirePosition {
  event_id: number;
  market_id: number;
  token_id: string;
  outcome: string;
  state: MarketState;
  quantity: string;
  available: string;
  frozen: string;
  average_price: string | null;
  cost: string;
  mark_price: string | null;
  value: string | null;
  realised_profit: string;
  unrealised_profit: string | null;
}

export interface WireFill {
  trade_id: number;
  order_id: string;
  role: 'taker' | 'maker' | 'both';
  event_id: number;
  market_id: number;
  token_id: string;
  side: Side;
  price: string;
  quantity: string;
  fee: string;
  timestamp: number;
}

export interface WireBalance {
  asset: string;
  available: string;
  frozen: string;
}

export interface WireAccount {
  user_id: string;
  cash: { available: string; frozen: string };
  positions: { token_id: string; available: string; frozen: string }[];
}

export type UserMessage =
  | { type: 'auth'; user_id: string; update_id: number | number[] }
  | { type: 'auth_error'; code: string; detail: string }
  | { type: 'resumed'; update_id: number; shard?: number }
  | {
      type: 'snapshot';
      update_id: number;
      reason: string;
      orders: WireOrder[];
      balances: WireBalance[];
      more: boolean;
      shard?: number;
    }
  | {
      type: 'open_order_change';
      event: 'open_order_created' | 'open_order_updated' | 'open_order_cancelled' | 'open_order_filled';
      update_id: number;
      order_id: string;
      order?: WireOrder | null;
      reason?: string;
      shard?: number;
    }
  | ({ type: 'position_change'; event: string; update_id: number; shard?: number } & WireBalance)
  | { type: 'pong' }
  | { type: 'error'; code: string; detail: string };

export interface CallerView {
  auth: 'off' | 'on';
  user_id: string | null;
  scopes: Scope[];
}
