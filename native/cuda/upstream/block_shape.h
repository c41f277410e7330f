#pragma once

// Which of the block shapes that a kernel is compiled for a product runs with.
//
// Whatever the shape, an element of d is summed in one order: ascending K, the same steps of K, scaled and added at the
// same places. A block only decides which CTA does it. So the choice may depend on the rows of a call, and a row's bits
// don't.

#include <cstdint>
#include <span>

namespace upstream {

// Every kernel here is compiled for this many CTAs, and must be launched with as many.
inline constexpr int kDeepGemmSms = 132;

// The tile of d that a CTA makes, [m, n], the CTAs that share each tile of B, 1 or the 2 of a cluster, and the rows of
// a product from which on it is taken into account.
struct BlockShape {
  int m, n, multicast = 1, least_rows = 1;
};

// `products` products of [m, n].
struct ProductShape {
  int64_t m, n, products = 1;
};

// Rows from which on pairs of CTAs pay.
inline constexpr int kPairRows = 512;

// What a product costs with a block shape, in no unit: rounds of tiles over the CTAs, times a tile's cost per step of
// K, which is the larger of
// - the tensor cores' work, the area of the tile, whether its rows are there or not,
// - what it loads, 64 for each row of A that is there and each column of B, of which a pair loads half each: an SM
// takes
//   in 64 bytes in the time of 4096 products of e4m3, and bf16 has the same ratio; and as much as 16 of them for a step
//   of K however small.
constexpr int64_t CostOf(const BlockShape& shape, const ProductShape& product) {
  const auto ceil_div = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const auto least = [](int64_t a, int64_t b) { return a < b ? a : b; };
  const int64_t tiles = ceil_div(product.m, shape.m) * ceil_div(product.n, shape.n) * product.products;
  const int64_t area = int64_t{shape.m} * shape.n;
  const int64_t sharing = product.m > shape.m ? shape.multicast : 1;
  const int64_t loads = 64 * (least(shape.m, product.m) + least(shape.n, product.n) / sharing + 16);
  return ceil_div(tiles, kDeepGemmSms) * (area < loads ? loads : area);
}

// The cheapest of the shapes, the first among equals.
constexpr int ChooseShape(std::span<const BlockShape> shapes, const ProductShape& product) {
  int best = -1;
  for (int i = 0; i < static_cast<int>(shapes.size()); ++i) {
    if (product.m < shapes[i].least_rows) continue;
    if (best < 0 || CostOf(shapes[i], product) < CostOf(shapes[best], product)) best = i;
  }
  return best;
}

}  // namespace upstream
