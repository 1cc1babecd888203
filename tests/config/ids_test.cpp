// Ids for ever: those that the first release gave to the runs of the shipped configurations. A stored run is found
// again by its id alone, so a change here loses the results of everyone. Nothing in this list is ever edited.
#include <filesystem>
#include <map>

#include "support.h"

namespace qrun::test {
namespace {

using Ids = std::vector<std::string>;

const Ids kLenetBits = {"w_method=ulq,w_bits=1,a_method=clip,seed=831486-62d70291ff48",
                        "w_method=ulq,w_bits=1,a_method=clip,seed=831487-c09e3bbecafd",
                        "w_method=ulq,w_bits=1,a_method=clip,seed=831488-24b5d73869f6",
                        "w_method=ulq,w_bits=2,a_method=clip,seed=831486-b657f1140408",
                        "w_method=ulq,w_bits=2,a_method=clip,seed=831487-6373053b0f47",
                        "w_method=ulq,w_bits=2,a_method=clip,seed=831488-845b5cf5d44b",
                        "w_method=ulq,w_bits=4,a_method=clip,seed=831486-07cdded9b244",
                        "w_method=ulq,w_bits=4,a_method=clip,seed=831487-1c616f6b1e42",
                        "w_method=ulq,w_bits=4,a_method=clip,seed=831488-88b13b3d4e8f",
                        "w_method=ulq,w_bits=8,a_method=clip,seed=831486-8d935ea1f48a",
                        "w_method=ulq,w_bits=8,a_method=clip,seed=831487-66c6cf4321c5",
                        "w_method=ulq,w_bits=8,a_method=clip,seed=831488-c0d5377944e9",
                        "w_method=ulq,w_bits=16,a_method=clip,seed=831486-f0726ec8538a",
                        "w_method=ulq,w_bits=16,a_method=clip,seed=831487-2032ac02c139",
                        "w_method=ulq,w_bits=16,a_method=clip,seed=831488-81ac9cf999cf",
                        "w_method=none,w_bits=32,a_method=none,seed=831486-b5205feac70f",
                        "w_method=none,w_bits=32,a_method=none,seed=831487-759283348e87",
                        "w_method=none,w_bits=32,a_method=none,seed=831488-7ed358bf702e"};

const std::map<std::string, Ids> kIds = {
    {"cluster_example", kLenetBits},  // the same runs, on a cluster
    {"lenet_2bit", {"run-b657f1140408"}},
    {"lenet_2bit_synthetic", {"run-7f3556e2cbb4"}},
    {"lenet_base", {"run-b5205feac70f"}},
    {"lenet_bits", kLenetBits},
    {"lenet_float", {"run-b5205feac70f"}},
    {"lenet_methods",
     {"w_method=ulq,w_bits=2,seed=831486-b657f1140408",
      "w_method=ulq,w_bits=2,seed=831487-6373053b0f47",
      "w_method=ulq,w_bits=2,seed=831488-845b5cf5d44b",
      "w_method=ulq,w_bits=4,seed=831486-07cdded9b244",
      "w_method=ulq,w_bits=4,seed=831487-1c616f6b1e42",
      "w_method=ulq,w_bits=4,seed=831488-88b13b3d4e8f",
      "w_method=ternary,w_bits=2,seed=831486-c194ac91ef11",
      "w_method=ternary,w_bits=2,seed=831487-b7e3ca62945d",
      "w_method=ternary,w_bits=2,seed=831488-fe5fac047138",
      "w_method=ternary_quantize,w_bits=2,seed=831486-5a4f7dbc237a",
      "w_method=ternary_quantize,w_bits=2,seed=831487-b3e469ae9abe",
      "w_method=ternary_quantize,w_bits=2,seed=831488-15e02ce0f13d",
      "w_method=ternary_quantize,w_bits=4,seed=831486-2bbada70f9bb",
      "w_method=ternary_quantize,w_bits=4,seed=831487-dce447b62bd7",
      "w_method=ternary_quantize,w_bits=4,seed=831488-43e939a8f3f5",
      "w_method=dynamic_fixed_point,w_bits=2,seed=831486-dadb67417270",
      "w_method=dynamic_fixed_point,w_bits=2,seed=831487-1e2a59e07d2e",
      "w_method=dynamic_fixed_point,w_bits=2,seed=831488-c2d8abdadb41",
      "w_method=dynamic_fixed_point,w_bits=4,seed=831486-d3dd8d6b3bd0",
      "w_method=dynamic_fixed_point,w_bits=4,seed=831487-b5784c035391",
      "w_method=dynamic_fixed_point,w_bits=4,seed=831488-ae4993e8e5e3",
      "w_method=clip,w_bits=2,seed=831486-40523bb97053",
      "w_method=clip,w_bits=2,seed=831487-971bbf5af7bf",
      "w_method=clip,w_bits=2,seed=831488-f107cc9143d7",
      "w_method=clip,w_bits=4,seed=831486-04c168633088",
      "w_method=clip,w_bits=4,seed=831487-93722965cf63",
      "w_method=clip,w_bits=4,seed=831488-4ad39ee67275"}},
    {"smoke", {"run-b13323532dfa"}},
    {"sweep_smoke",
     {"w_bits=1,seed=1-3cc8a3ecc773", "w_bits=1,seed=2-540f667cdd41", "w_bits=2,seed=1-673292b9be0e",
      "w_bits=2,seed=2-ba68eb94ee4b", "w_bits=4,seed=1-1256cf5acec5", "w_bits=4,seed=2-7ccd0a357c99"}},
};

Ids ids_of(const std::string& config) {
  Ids ids;
  for (const RunSpec& run : read_config(config, {}).runs) ids.push_back(run.id());
  return ids;
}

TEST(Ids, OfTheShippedConfigurationsNeverChange) {
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(QRUN_SOURCE_DIR) + "/configs")) {
    const auto at = kIds.find(entry.path().stem());
    if (at == kIds.end()) continue;  // of a later release
    ++found;
    EXPECT_EQ(ids_of(entry.path()), at->second) << entry.path();
  }
  EXPECT_EQ(found, kIds.size()) << "a configuration of the first release has gone";
}

}  // namespace
}  // namespace qrun::test
