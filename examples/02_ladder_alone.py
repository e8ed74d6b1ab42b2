"""The price ladder on its own: no market, no money, any positive integer price."""

from pmengine.matching import Ladder, batch

ladder = Ladder()
first = ladder.add(False, 101, 5)  # asks
second = ladder.add(False, 101, 5)
ladder.add(True, 99, 10)  # a bid

rest = ladder.match(True, 101, 7)  # a buyer of 7 at 101 or better
for fill in range(ladder.fill_count):
    handle, lots = ladder.fill_handle(fill), ladder.fill_quantity(fill)
    print(f"order {handle} gave {lots} at {ladder.fill_price(fill)}")
print(
    "left to buy", rest, "and best ask", ladder.best(False), "with", ladder.quantity_at(False, 101)
)
ladder.cancel(second)
print("asks", ladder.levels(False, 5), "bids", ladder.levels(True, 5))

# Two operations in one call: an ask of 4 at 102, then a buyer of 3 at 102 or better.
operations = [batch.ADD, False, 102, 4, 0, batch.MATCH, True, 102, 3, 0]
answers, fills = batch.run(ladder, batch.array_of(operations))
print("answers", list(answers), "fills", list(fills))
