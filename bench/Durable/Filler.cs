using LowLatency.Bench.Workloads;
using LowLatency.Client;
using LowLatency.Core.Engine;

namespace LowLatency.Bench.Durable;

/// <summary>A connection that fills a durable queue.</summary>
internal sealed class Filler : IDisposable
{
    private readonly Connection _connection;
    private readonly Publication _publication;
    private string? _fault;

    internal Filler(string address, string queue, long maxLength = 20_000_000)
    {
        _connection = Connection.Connect(address, new ConnectionOptions { Mode = ConnectionMode.Polled, ClientName = "bench filler", Reconnect = false });
        _connection.DeclareQueue(queue, new QueueOptions { Durable = true, MaxLength = maxLength });
        _publication = _connection.OpenPublication(new PublicationOptions
        {
            RoutingKey = queue,
            Durability = DurabilityLevel.Process,
            Window = 16_384,
            WindowBytes = 64 * 1024 * 1024,
            OnReject = (Publication _, in Rejection rejection) => _fault = rejection.Reason,
        });
    }

    /// <summary>Publishes so many messages and waits for their confirms.</summary>
    internal void Publish(long count, int size, Action<long>? progress = null, BodyContent content = BodyContent.Zeros)
    {
        byte[] body = new byte[size];
        BodySamples? samples = content == BodyContent.Zeros ? null : new BodySamples(content, size);
        ulong last = _publication.LastSequence + (ulong)count;
        for (long sent = 0; sent < count;)
        {
            samples?.CopyTo(body, sent);
            if (_publication.TryPublish(body) != PublishStatus.Accepted)
                Work();
            else if ((++sent & 0xFFFF) == 0)
                progress?.Invoke(sent);
        }
        while (_publication.ConfirmedSequence < last)
            Work();
    }

    private void Work()
    {
        if (_connection.Poll() == 0)
            _connection.WaitForWork(10);
        if (_fault != null || _connection.Error != null)
            throw new BenchException($"A message was not taken: {_fault ?? _connection.Error!.Message}");
    }

    public void Dispose() => _connection.Dispose();
}
