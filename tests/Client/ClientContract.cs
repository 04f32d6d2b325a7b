using System.Text;
using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>What a client does, whatever its door: one subclass for each.</summary>
public abstract partial class ClientContract : IDisposable
{
    private readonly TestBroker _broker = new();
    private readonly List<IDisposable> _open = [];

    private protected TestBroker Broker => _broker;

    private protected abstract string Address { get; }

    /// <summary>Whether what a stopping broker did not take is sent to the next one.</summary>
    private protected abstract bool KeepsCopies { get; }

    public void Dispose()
    {
        for (int i = _open.Count - 1; i >= 0; i--)
            _open[i].Dispose();
        _broker.Dispose();
        GC.SuppressFinalize(this);
    }

    protected Connection Connect(ConnectionMode mode, ConnectionOptions? options = null)
    {
        var connection = Connection.Connect(Address, (options ?? new ConnectionOptions()) with { Mode = mode });
        _open.Add(connection);
        return connection;
    }

    /// <summary>Waits; a polled connection is polled meanwhile.</summary>
    protected static void Until(Connection connection, ConnectionMode mode, Func<bool> condition, string what)
        => Eventually.True(
            () =>
            {
                if (mode == ConnectionMode.Polled && connection.Poll() == 0)
                    connection.WaitForWork(1);
                return condition();
            },
            what);

    protected static byte[] Body(int number) => Encoding.UTF8.GetBytes($"message {number}");

    protected static PublicationOptions To(string queue) => new() { RoutingKey = queue, Durability = DurabilityLevel.Process };

    protected static void PublishAll(Connection connection, ConnectionMode mode, Publication publication, int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            byte[] body = Body(i);
            PublishStatus status = PublishStatus.WindowFull;
            Until(connection, mode, () => (status = publication.TryPublish(body)) != PublishStatus.WindowFull, "room in the window");
            Assert.Equal(PublishStatus.Accepted, status);
        }
    }
}

public sealed class TcpClientTests : ClientContract
{
    private protected override string Address => Broker.TcpAddress;

    private protected override bool KeepsCopies => true;
}

/// <summary>All of it again with batches in both directions.</summary>
public sealed class CompressedTcpClientTests : ClientContract
{
    private protected override string Address => Broker.TcpAddress + "?compress";

    private protected override bool KeepsCopies => true;
}

public sealed class InprocClientTests : ClientContract
{
    private protected override string Address => Broker.InprocAddress;

    private protected override bool KeepsCopies => false;
}
