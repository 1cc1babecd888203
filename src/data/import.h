// Databases from other forms: MNIST's idx files, and drawn digits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qrun {

struct Imported {
  std::string path;
  std::int64_t items = 0;
  std::int64_t bytes = 0;
};

/// `from` holds MNIST's four idx files, plain or .gz; writes `to`/train_lmdb and `to`/test_lmdb of Caffe Datum.
/// Everything is read and checked before anything is written. Throws Error, or EnvironmentError where it can't write.
std::vector<Imported> import_mnist(const std::string& from, const std::string& to);

/// The same two folders, of synthetic digits.
std::vector<Imported> import_synthetic_digits(const std::string& to, std::int64_t train_items, std::int64_t test_items,
                                              std::uint64_t data_seed);

}  // namespace qrun
