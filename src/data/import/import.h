// Databases from other forms. Everything is read and checked before a database is replaced. All throw Error where what
// they read is not what it must be, ConfigError where it is several files, EnvironmentError where they can't write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qrun {

struct Imported {
  std::string path;
  std::int64_t items = 0;
};

struct Imports {
  std::vector<Imported> sets;
  std::string mean_image;          // of the training set, where one was written
  std::vector<std::string> notes;  // what the user may not expect, a sentence each
};

struct IdxOptions {
  std::optional<std::string> set;           // the prefix of its files' names; nothing: the only one there is
  std::optional<std::int64_t> first_label;  // becomes 0; nothing: 0, or 1 where all labels begin at 1
};

/// `from` holds the four idx files of a set as MNIST's are, plain or .gz; writes `to`/train_lmdb and `to`/test_lmdb of
/// Caffe Datum.
Imports import_idx(const std::string& from, const std::string& to, const IdxOptions& options = {});

/// `from` holds batches of CIFAR-10 or CIFAR-100 (fine labels), binary or Python, plain or .gz; writes `to`/train_lmdb
/// and `to`/test_lmdb of Caffe Datum, planes red, green, blue as in the batches, and `to`/mean.binaryproto, the mean of
/// the training images.
Imports import_cifar(const std::string& from, const std::string& to);

struct ImageSize {
  std::int64_t height = 0, width = 0;
};
struct ImageOptions {
  std::optional<ImageSize> size;  // of all images; nothing: all have one already
  bool gray = false;              // one channel; else three: blue, green, red
};

/// `from` holds the folders train and test, each with a folder of PNG and JPEG files for each class; writes
/// `to`/train_lmdb and `to`/test_lmdb of Caffe Datum, and `to`/labels.txt, the names of the classes, a line each, in
/// the order of their labels. Where `from` itself has the folders of classes, all is written to `to`/images_lmdb.
Imports import_images(const std::string& from, const std::string& to, const ImageOptions& options);

/// Writes `to`/train_lmdb and `to`/test_lmdb of synthetic digits.
Imports import_synthetic_digits(const std::string& to, std::int64_t train_items, std::int64_t test_items,
                                std::uint64_t data_seed);

}  // namespace qrun
