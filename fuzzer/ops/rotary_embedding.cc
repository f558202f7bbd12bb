// RotaryEmbedding: pairs of channels of each head turned by the angle of the token's position.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

struct Plan {
  std::int64_t batch, heads, seq, head;
  std::int64_t half;  // pairs that are turned; channels beyond them stay
  bool by_token;      // X is [batch, seq, heads * head]
  bool interleaved;
  bool looked_up;  // the caches' rows are chosen by position_ids
};

Plan plan(const Inference& inf) {
  const Node& node = inf.node();
  const Dims& x = inf.dims(0);
  Plan p{};
  p.interleaved = node.int_or("interleaved", 0) != 0;
  p.looked_up = inf.has_input(3);
  p.by_token = x.size() == 3;
  if (p.by_token) {
    p.heads = node.int_or("num_heads", 0);
    if (p.heads <= 0) throw InvalidNode("num_heads must be given for a 3-D X");
    if (x[2] % p.heads != 0) throw InvalidNode("the hidden size is no multiple of num_heads");
    p.batch = x[0], p.seq = x[1], p.head = x[2] / p.heads;
  } else if (x.size() == 4) {
    p.batch = x[0], p.heads = x[1], p.seq = x[2], p.head = x[3];
  } else {
    throw InvalidNode("X has three or four axes");
  }
  const std::int64_t part = node.int_or("rotary_embedding_dim", 0);
  if (part < 0 || part > p.head) throw InvalidNode("rotary_embedding_dim is beyond the head");
  const std::int64_t turned = part == 0 ? p.head : part;
  if (turned % 2 != 0) throw InvalidNode("an odd number of channels cannot be turned in pairs");
  p.half = turned / 2;
  const Dims token = {p.batch, p.seq};
  if (p.looked_up) {
    if (inf.dims(3) != token) throw InvalidNode("position_ids is not [batch, sequence]");
    if (inf.rank(1) != 2 || inf.dims(1)[1] != p.half)
      throw InvalidNode("cos_cache is not [positions, half of what is turned]");
  } else if (inf.dims(1) != Dims{p.batch, p.seq, p.half}) {
    throw InvalidNode("cos_cache is not [batch, sequence, half of what is turned]");
  }
  if (inf.dims(1) != inf.dims(2)) throw InvalidNode("the caches differ in shape");
  return p;
}

void infer(Inference& inf) {
  plan(inf);
  infer_same_as_input(inf);
}

// Row of the caches for each token.
std::vector<std::int64_t> cache_rows(const Inference& inf, const Plan& p) {
  std::vector<std::int64_t> rows;
  if (!p.looked_up) {
    for (std::int64_t t = 0; t < p.batch * p.seq; ++t) rows.push_back(t);
    return rows;
  }
  rows = inf.ints(3);
  for (std::int64_t r : rows)
    if (r < 0 || r >= inf.dims(1)[0])
      throw InvalidNode("position " + std::to_string(r) + " is not in the caches");
  return rows;
}

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  const auto rows = cache_rows(ev, p);
  copy_elements(ev.input(0), ev.output());
  const auto &x = ev.reals<double>(0), &cos = ev.reals<double>(1), &sin = ev.reals<double>(2);
  auto& y = ev.out_reals<double>();
  const auto rounding = ev.rounding<double>();
  const auto turn = [&](std::size_t at, Approx<double> a, Approx<double> c, Approx<double> b,
                        Approx<double> s) {
    Sum<double> sum;
    sum.add_product(a, c);
    sum.add_product(b, s);
    y.set(at, rounding.add(sum.result(rounding, 1)));
  };
  for_each_index({p.batch, p.heads, p.seq, p.half}, [&](const Dims& i) {
    const std::int64_t token = i[0] * p.seq + i[2];
    const std::int64_t start =
        (p.by_token ? token * p.heads + i[1] : (i[0] * p.heads + i[1]) * p.seq + i[2]) * p.head;
    const auto first = static_cast<std::size_t>(start + (p.interleaved ? 2 * i[3] : i[3]));
    const std::size_t second = first + (p.interleaved ? 1 : static_cast<std::size_t>(p.half));
    const auto at_cache = static_cast<std::size_t>(rows[static_cast<std::size_t>(token)] * p.half + i[3]);
    const Approx<double> c = cos[at_cache], s = sin[at_cache];
    turn(first, x[first], c, -x[second], s);
    turn(second, x[first], s, x[second], c);
  });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const bool by_token = rng.chance(0.5);
  const std::int64_t heads = rng.range(1, 3), head = rng.chance(0.1) ? 16 : 2 * rng.range(1, 4);
  const ArrayType x =
      d.input({.types = drawable(d, "T"),
               .dims = by_token ? Dims{kAny, kAny, heads * head} : Dims{kAny, kAny, kAny, head}});
  const bool partial = head > 2 && rng.chance(0.3);
  const std::int64_t turned = partial ? 2 * rng.range(1, head / 2) : head;
  const std::int64_t seq = x.dims[by_token ? 1 : 2], half = turned / 2;
  // ONNX Runtime wants as many rows as tokens, at least.
  const bool looked_up = rng.chance(0.6);
  const std::int64_t rows = seq + rng.range(0, 3);
  if (looked_up && rows == 0) return false;
  const Dims cache = looked_up ? Dims{rows, half} : Dims{x.dims[0], seq, half};
  for (int i = 0; i < 2; ++i)
    d.input({.types = x.dtype, .dims = cache, .role = Role::kWeight, .range = {.low = -1, .high = 1}});
  if (looked_up)
    d.input({.types = DType::kInt64,
             .dims = Dims{x.dims[0], seq},
             .role = Role::kParameter,
             .range = {.low = 0, .high = static_cast<double>(rows - 1), .integral = true}});
  if (by_token || (partial && rng.chance(0.5))) d.attribute("num_heads", by_token ? heads : x.dims[1]);
  if (partial || rng.chance(0.1)) d.attribute("rotary_embedding_dim", turned);
  if (rng.chance(0.5)) d.attribute("interleaved", rng.range(0, 1));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "RotaryEmbedding", .since = 23, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family rotary_embedding = specs;
}

}  // namespace mob::ops
