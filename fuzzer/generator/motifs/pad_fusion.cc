// A Pad whose zeros the convolution or pooling after it could add itself.
#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"value-zero", "what is padded is 0"},
    {"constant-mode", "the mode is constant"},
    {"spatial-only", "batch and channels are not padded"},
    {"not-negative", "nothing is cropped"},
    {"all-axes", "there is no list of axes"},
    {"first-slot", "the padded tensor is the image"},
    {"floor-mode", "the pooling rounds its size down"},
    {"explicit-pads", "the reader's own pads are explicit"},
    {"pads-given", "the reader has its pads as an attribute"},
    {"no-indices", "the pooling gives no indices"},
    {"no-cast", "no Cast stands between"},
    {"pads-fit", "both pads together stay below the pooling's kernel"},
    {"counted", "an AveragePool counts what is padded"},
    {"not-below", "a MaxPool reads nothing below what is padded"},
};

ValueId draw_pad(MotifBuilder& m, ValueId x, std::int64_t most = 2) {
  Rng& rng = m.rng();
  const std::size_t rank = m.dims(x).size();
  std::vector<std::int64_t> pads(2 * rank, 0);
  for (std::size_t i = 0; i < 2 * rank; ++i)
    if (i % rank >= 2 && rng.chance(0.7)) pads[i] = rng.range(0, most);
  if (std::all_of(pads.begin(), pads.end(), [](auto p) { return p == 0; })) pads[rank - 1] = 1;
  if (m.breaks("spatial-only"))
    pads[static_cast<std::size_t>(rng.pick({0, 1})) + (rng.chance(0.5) ? rank : 0)] = rng.range(1, 2);
  if (m.breaks("not-negative")) pads[2 + (rng.chance(0.5) ? rank : 0)] = -1;
  std::string mode = "constant";
  if (m.breaks("constant-mode")) mode = rng.pick({"reflect", "edge"});
  if (m.opset() >= 19 && mode != "constant" && rng.chance(0.3)) mode = "wrap";
  const double value = m.holds("value-zero") ? 0 : rng.pick({1.0, -1.0, 0.5, -10.0});
  if (m.opset() >= 18 && m.breaks("all-axes")) {
    // The last axes alone, or all of them in another order.
    const auto n = static_cast<std::int64_t>(rank);
    std::vector<std::int64_t> axes = rng.chance(0.6) ? rng.permutation(rank) : std::vector<std::int64_t>{};
    if (axes.empty())
      for (std::int64_t a = rng.pick({std::int64_t{2}, std::int64_t{0}, n - 1}); a < n; ++a)
        axes.push_back(a);
    std::vector<std::int64_t> given;
    for (std::size_t side : {std::size_t{0}, rank})
      for (std::int64_t a : axes) given.push_back(pads[side + static_cast<std::size_t>(a)]);
    for (auto& a : axes)
      if (rng.chance(0.3)) a -= n;
    Attributes attributes;
    if (mode != "constant") set(attributes, "mode", mode);
    const ValueId fill = value == 0 && rng.chance(0.5) ? kNoValue : m.scalar(m.type(x).dtype, value);
    return m.op("Pad", {x, m.ints(given), fill, m.ints(axes)}, attributes);
  }
  return m.pad(x, pads, value, mode);
}

ValueId read(MotifBuilder& m, ValueId x, const std::string_view reader) {
  Rng& rng = m.rng();
  const Dims in(m.dims(x).begin() + 2, m.dims(x).end());
  const bool fits = reader != "Conv" && m.holds("pads-fit");
  Dims kernel;
  for (std::int64_t d : in) kernel.push_back(std::min<std::int64_t>(d, rng.range(fits ? 2 : 1, 3)));
  const bool given = m.holds("pads-given");
  WindowStyle style{.pads = given, .auto_pad = false, .dilations = reader == "Conv", .always_pads = given};
  Attributes attributes = window_attributes(m, in, kernel, style);
  if (m.breaks("explicit-pads")) {
    std::erase_if(attributes, [](const Attribute& a) { return a.name == "pads"; });
    set(attributes, "auto_pad", std::string(rng.pick({"SAME_UPPER", "SAME_LOWER", "VALID"})));
  } else if (rng.chance(0.1)) {
    set(attributes, "auto_pad", std::string("NOTSET"));
  }
  for (Attribute& a : attributes) {
    auto* pads = a.name == "pads" && fits ? std::get_if<Dims>(&a.value) : nullptr;
    for (std::size_t i = 0; pads != nullptr && i < pads->size(); ++i)
      (*pads)[i] = std::min((*pads)[i], std::max<std::int64_t>(0, kernel[i % kernel.size()] - 2));
  }
  const DType t = m.type(x).dtype;
  if (reader == "Conv") {
    Dims w = {m.size(), m.dims(x)[1]};
    w.insert(w.end(), kernel.begin(), kernel.end());
    std::vector<ValueId> inputs = {x, m.weight(t, w, {.low = -1, .high = 1})};
    if (rng.chance(0.5)) inputs.push_back(m.weight(t, {w[0]}));
    return m.op("Conv", inputs, attributes);
  }
  set(attributes, "kernel_shape", kernel);
  if (m.opset() >= 10 && m.breaks("floor-mode")) {
    set(attributes, "ceil_mode", std::int64_t{1});
    std::erase_if(attributes, [](const Attribute& a) { return a.name == "strides"; });
    set(attributes, "strides", Dims(kernel.size(), rng.range(2, 3)));
  }
  if (reader == "AveragePool") {
    if (m.holds("counted"))
      set(attributes, "count_include_pad", std::int64_t{1});
    else if (rng.chance(0.5))
      set(attributes, "count_include_pad", std::int64_t{0});
  }
  const bool indices = reader == "MaxPool" && m.breaks("no-indices");
  const auto y = m.ops(reader, {x}, attributes, indices ? 2 : 1);
  avoid_disputed_ceil(m.builder().graph().nodes.back(), in,
                      Dims(m.dims(y[0]).begin() + 2, m.dims(y[0]).end()));
  if (indices) m.result(y[1]);
  return y[0];
}

void pad_fusion(MotifBuilder& m) {
  Rng& rng = m.rng();
  const int spatial = rng.pick({2, 2, 2, 1, 3});
  if (m.breaks("first-slot")) {
    // The filter is what is padded, alone or as the image, too.
    Dims w = {rng.range(1, 3), rng.range(1, 3)}, image = {1, w[1]};
    for (int i = 0; i < spatial; ++i) w.push_back(rng.range(1, 2)), image.push_back(rng.range(7, 8));
    const ValueRange range = {.low = -1, .high = 1};
    const ValueId filter =
        draw_pad(m, rng.chance(0.5) ? m.data(DType::kFloat, w, range) : m.weight(DType::kFloat, w, range));
    image[1] = m.dims(filter)[1];
    const ValueId x = rng.chance(0.25) ? filter : m.data(DType::kFloat, image);
    Attributes attributes;
    if (rng.chance(0.7))
      set(attributes, "pads", Dims(static_cast<std::size_t>(2 * spatial), rng.range(0, 1)));
    m.result(m.op("Conv", {x, filter}, attributes));
    return;
  }
  const std::string_view reader = rng.pick({"Conv", "AveragePool", "AveragePool", "MaxPool"});
  const bool pool8 = reader == "MaxPool" && m.opset() >= 12;
  const DType t = m.dtype(pool8 ? DTypeSet{DType::kDouble, DType::kInt8, DType::kUint8}
                                : DTypeSet{DType::kDouble, DType::kFloat16},
                          reader);
  const bool negative = reader == "MaxPool" && m.breaks("not-below") && t != DType::kUint8;
  const ValueRange range = negative                                    ? ValueRange{.low = -6, .high = -1}
                           : reader == "MaxPool" || t == DType::kUint8 ? ValueRange{.low = 0, .high = 9}
                                                                       : ValueRange{};
  const std::int64_t most = reader == "Conv" || m.breaks("pads-fit") ? 2 : 1;
  const Dims dims = image_dims(m, m.size(), spatial, 3);
  ValueId y = kNoValue;
  if (m.breaks("no-cast")) {
    const DType from = rng.pick({DType::kDouble, DType::kInt32, DType::kFloat});
    y = m.cast(draw_pad(m, m.data(from, dims, {.low = range.low < 0 ? -4.0 : 0.0, .high = 4}), most), t);
  } else {
    y = draw_pad(m, m.data(t, dims, range), most);
  }
  m.result(read(m, y, reader));
}

constexpr Motif motifs[] = {
    {.name = "pad-fusion", .aims_at = "Pad_Fusion", .guards = kGuards, .build = pad_fusion},
};

}  // namespace

namespace family {
extern const MotifFamily pad_fusion;
const MotifFamily pad_fusion = motifs;
}  // namespace family

}  // namespace mob::motifs
