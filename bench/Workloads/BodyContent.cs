namespace LowLatency.Bench.Workloads;

/// <summary>What stands between the parts of a measured body that are checked: how well it compresses.</summary>
internal enum BodyContent
{
    /// <summary>Zeros: nothing costs less to send, or to compress.</summary>
    Zeros,

    /// <summary>Quotes as a market data feed has them, tag and value: see <see cref="BodySamples"/>.</summary>
    Quotes,

    /// <summary>Random bytes: what is encrypted or compressed already.</summary>
    Noise,
}
