/** What the user has everywhere. */
import { MyOrders } from './my_orders';
import { MyPositions } from './my_positions';

export function Portfolio() {
  return (
    <>
      <h1>Portfolio</h1>
      <MyPositions events={[]} />
      <MyOrders events={[]} />
    </>
  );
}
