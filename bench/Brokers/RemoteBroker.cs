namespace LowLatency.Bench.Brokers;

/// <summary>A broker that somebody else started.</summary>
internal sealed class RemoteBroker(string address) : BrokerUnderTest
{
    internal override string Address => address;

    internal override string Kind => "remote";

    internal override bool IsOwn => false;

    public override void Dispose()
    {
    }
}
