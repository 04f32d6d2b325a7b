using System.Net;
using LowLatency.Transport.Sockets;
using Xunit;

namespace LowLatency.Tests.Sockets;

public sealed class TransportAddressTests
{
    [Theory]
    [InlineData("tcp://127.0.0.1:7400", "127.0.0.1", 7400, "tcp://127.0.0.1:7400")]
    [InlineData("TCP://localhost:1", "localhost", 1, "tcp://localhost:1")]
    [InlineData("tcp://localhost", "localhost", 7400, "tcp://localhost:7400")]
    [InlineData("tcp://broker.example.com:65535/", "broker.example.com", 65535, "tcp://broker.example.com:65535")]
    [InlineData("tcp://[::1]:7400", "::1", 7400, "tcp://[::1]:7400")]
    [InlineData("tcp://[::1]", "::1", 7400, "tcp://[::1]:7400")]
    [InlineData("tcp://*:0", "*", 0, "tcp://*:0")]
    [InlineData("tcp://a:1?compress", "a", 1, "tcp://a:1?compress")]
    [InlineData("tcp://[::1]/desk?compress", "::1", 7400, "tcp://[::1]:7400/desk?compress")]
    [InlineData("tcp://a/why%3F/", "a", 7400, "tcp://a:7400/why%3F")]
    public void ShouldParseTcp(string text, string host, int port, string printed)
    {
        TransportAddress address = TransportAddress.Parse(text);
        Assert.Equal(TransportKind.Tcp, address.Kind);
        Assert.Equal(host, address.Host);
        Assert.Equal(port, address.Port);
        Assert.Equal(printed, address.ToString());
        Assert.Equal(printed.EndsWith("?compress", StringComparison.Ordinal), address.Compress);
        Assert.Equal(address, TransportAddress.Parse(printed));
    }

    [Fact]
    public void ShouldParseInProcess()
    {
        TransportAddress address = TransportAddress.Parse("inproc://main");
        Assert.Equal(TransportKind.InProcess, address.Kind);
        Assert.Equal("main", address.Host);
        Assert.Equal("inproc://main", address.ToString());
    }

    [Theory]
    [InlineData(null, "empty")]
    [InlineData("", "empty")]
    [InlineData("localhost:7400", "scheme")]
    [InlineData("http://localhost:7400", "scheme")]
    [InlineData("tcp://", "host")]
    [InlineData("tcp://:7400", "host")]
    [InlineData("tcp://a b:7400", "host")]
    [InlineData("tcp://ho#st/path", "host")]
    [InlineData("tcp://host:", "port")]
    [InlineData("tcp://host:seven", "port")]
    [InlineData("tcp://host:-1", "port")]
    [InlineData("tcp://host:65536", "port")]
    [InlineData("tcp://::1:7400", "brackets")]
    [InlineData("tcp://fe80::1:7400", "brackets")]
    [InlineData("tcp://[::1:7400", "IPv6")]
    [InlineData("tcp://[nonsense]:7400", "IPv6")]
    [InlineData("tcp://[::1]7400", "IPv6")]
    [InlineData("tcp://host?zip", "option '?zip'")]
    [InlineData("tcp://host:1/desk?compress=1", "option '?compress=1'")]
    [InlineData("inproc://", "names no broker")]
    public void ShouldSayWhatIsWrong(string? text, string about)
    {
        Assert.False(TransportAddress.TryParse(text, out _, out string? problem));
        Assert.Contains(about, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldResolveLiteralsAndAny()
    {
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 5), TransportAddress.Parse("tcp://127.0.0.1:5").Resolve());
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Loopback, 5), TransportAddress.Parse("tcp://[::1]:5").Resolve());
        Assert.Equal(new IPEndPoint(IPAddress.Any, 5), TransportAddress.Parse("tcp://*:5").Resolve());
    }

    [Fact]
    public void ShouldListenOnIpv6WhereThereIs()
    {
        if (!System.Net.Sockets.Socket.OSSupportsIPv6)
            return;
        TcpAcceptor acceptor;
        try
        {
            acceptor = TcpAcceptor.Listen(TransportAddress.Parse("tcp://[::1]:0"));
        }
        catch (TransportException missing) when (missing.Message.Contains("no such address", StringComparison.Ordinal))
        {
            return; // A machine whose loopback has no IPv6 address.
        }

        Assert.Equal(IPAddress.IPv6Loopback, acceptor.Endpoint.Address);
        acceptor.Dispose();
    }
}
