// Elements in another order by Reshape -> Transpose -> Reshape, for which there is an operator: DepthToSpace,
// SpaceToDepth, shuffled channels, blocks moved between batch and space.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt8};

constexpr Guard kGuards[] = {
    {"permutation", "the permutation is the one of the operator"},
    {"split-there", "the channels, or the spatial axes, are split where the operator does"},
    {"joined-there", "what is joined at the end are the axes of the operator"},
    {"blocks-alike", "blocks have the same size along all spatial axes"},
    {"direct", "no other node stands between"},
};

struct Order {
  Dims split;
  std::vector<std::int64_t> perm;
  Dims joined;
};

// y = Reshape(Transpose(Reshape(x)))
void shuffle(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Transpose");
  const std::int64_t n = rng.range(1, 2), c = rng.range(1, 3), h = rng.range(1, 3), w = rng.range(1, 3);
  const std::int64_t a = rng.range(2, 3), b = m.holds("blocks-alike") ? a : rng.chance(0.5) ? 1 : 5 - a;
  Dims in;
  Order o;
  switch (rng.below(6)) {
    case 0:  // DepthToSpace, DCR
      in = {n, c * a * b, h, w};
      o = {{n, a, b, c, h, w}, {0, 3, 4, 1, 5, 2}, {n, c, h * a, w * b}};
      break;
    case 1:  // DepthToSpace, CRD
      in = {n, c * a * b, h, w};
      o = {{n, c, a, b, h, w}, {0, 1, 4, 2, 5, 3}, {n, c, h * a, w * b}};
      break;
    case 2:  // SpaceToDepth
      in = {n, c, h * a, w * b};
      o = {{n, c, h, a, w, b}, {0, 3, 5, 1, 2, 4}, {n, c * a * b, h, w}};
      break;
    case 3:  // shuffled channels
      in = {n, a * c, h, w};
      o = {{n, a, c, h, w}, {0, 2, 1, 3, 4}, {n, a * c, h, w}};
      if (rng.chance(0.4)) o = {{n, a, c, h * w}, {0, 2, 1, 3}, {n, a * c, h, w}};
      break;
    case 4:  // batch to space
      in = {a * b * n, c, h, w};
      o = {{a, b, n, c, h, w}, {2, 3, 4, 0, 5, 1}, {n, c, h * a, w * b}};
      break;
    default:  // space to batch
      in = {n, c, h * a, w * b};
      o = {{n, c, h, a, w, b}, {3, 5, 0, 1, 2, 4}, {a * b * n, c, h, w}};
      break;
  }
  if (m.breaks("permutation")) std::swap(o.perm[rng.below(o.perm.size())], o.perm[rng.below(o.perm.size())]);
  if (m.breaks("split-there"))
    o.split = [&] {
      Dims d = o.split;
      std::swap(d[rng.below(d.size())], d[rng.below(d.size())]);
      return d;
    }();
  const ValueId x = before(m, m.data(t, in), 0.3);
  ValueId y = m.reshape(x, o.split);
  if (m.breaks("direct")) y = neighbour(m, y);
  y = m.transpose(y, o.perm);
  std::vector<std::int64_t> joined = o.joined;
  if (m.breaks("joined-there"))
    joined = factors(m, m.type(y).count(), 1);
  else if (rng.chance(0.3))
    joined[rng.below(joined.size())] = -1;
  finish_with(m, m.reshape(y, joined), 0.4);
}

constexpr Motif motifs[] = {
    {.name = "shuffle", .aims_at = "", .guards = kGuards, .build = shuffle},
};

}  // namespace

namespace family {
extern const MotifFamily shuffle;
const MotifFamily shuffle = motifs;
}  // namespace family

}  // namespace mob::motifs
