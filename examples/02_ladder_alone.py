"""The price ladder on its own: no market, no money, any positive integer price."""

from pmengine.matching import Ladder

ladder = Ladder()
first = ladder.add(False, 101, 5)  # asks
second = ladder.add(False, 101, 5)
ladder.add(True, 99, 10)  # a bid

taken = ladder.match(True, 101, 7)  # a buyer of 7 at 101 or better
for handle, lots, price in taken.fills:
    print(f"order {handle} gave {lots} at {price}")
print("best ask", ladder.best(False), "with", ladder.quantity_at(False, 101), "left")
ladder.cancel(second)
print("asks", ladder.levels(False, 5), "bids", ladder.levels(True, 5))
