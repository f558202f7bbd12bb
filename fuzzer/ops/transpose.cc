// Transpose: permutes the axes.
#include <algorithm>
#include <set>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// The permutation; by default the axes reversed.
Dims permutation(const Inference& inf) {
  Dims reversed;
  for (std::int64_t i = inf.rank(0); i-- > 0;) reversed.push_back(i);
  Dims perm = inf.node().ints_or("perm", reversed);
  if (perm.size() != reversed.size() || std::set<std::int64_t>(perm.begin(), perm.end()) !=
                                            std::set<std::int64_t>(reversed.begin(), reversed.end()))
    throw InvalidNode("perm is no permutation of the axes");
  return perm;
}

void infer(Inference& inf) {
  Dims dims;
  for (std::int64_t p : permutation(inf)) dims.push_back(inf.dims(0)[static_cast<std::size_t>(p)]);
  inf.set_output(0, {inf.type(0).dtype, dims});
}

void evaluate(Evaluation& ev) {
  const Dims perm = permutation(ev), from = strides(ev.dims(0));
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for_each_index(ev.output().type.dims, [&](const Dims& index) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < perm.size(); ++d)
      offset += index[d] * from[static_cast<std::size_t>(perm[d])];
    map.push_back(offset);
  });
  gather_elements(ev.input(0), map, ev.output());
}

bool draft(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1, .max_rank = 5});
  if (d.rng().chance(0.85)) d.attribute("perm", d.rng().permutation(x.rank()));
  return true;
}

constexpr OpSpec specs[] = {{.name = "Transpose", .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family transpose = specs;
}

}  // namespace mob::ops
